import { CircuitState } from 'cockatiel';

/** What a circuit breaker lets through: all calls, none, or one trial. Cockatiel isolates only on request. */
const names = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
} as const;

export type BreakerState = (typeof names)[CircuitState];

export const breakerState = (state: CircuitState): BreakerState => names[state];

/** The values of a gauge by state: 1 for the current state, 0 for the others. */
export function byState(current: string): Record<string, number> {
  return Object.fromEntries(Object.values(names).map((name) => [name, Number(name === current)]));
}
