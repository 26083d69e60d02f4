/** The state of a process: the server sets it when it drains, and `/readyz` reports it. */
export type Lifecycle = ReturnType<typeof createLifecycle>;

export function createLifecycle() {
  return { draining: false };
}
