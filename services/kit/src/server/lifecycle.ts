/** The state of a process: the server sets it when it drains, and `/readyz` reports it. */
export interface Lifecycle {
  draining: boolean;
}

/** The state of a process that is not draining. */
export function createLifecycle(): Lifecycle {
  return { draining: false };
}
