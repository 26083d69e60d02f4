/** The state of a process: the server sets it when it drains, and `/readyz` reports it. */
export interface Lifecycle {
  draining: boolean;
}

export function createLifecycle(): Lifecycle {
  return { draining: false };
}
