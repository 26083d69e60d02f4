/** Where a process is in its life; shared by the server, which drains, and `/readyz`, which tells. */
export interface Lifecycle {
  draining: boolean;
}

/** A process at work. */
export function createLifecycle(): Lifecycle {
  return { draining: false };
}
