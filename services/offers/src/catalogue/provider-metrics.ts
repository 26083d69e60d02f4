import { CircuitState } from 'cockatiel';
import { Counter, Gauge, Histogram } from 'prom-client';
import { breakerState, byState } from '../client/breaker-state';
import type { FailureReason } from './failure-reason';

const durations = new Histogram({
  name: 'loan_buddy_provider_request_duration_seconds',
  help: 'Time that a provider took, by outcome: ok, or why it failed.',
  labelNames: ['provider', 'outcome'],
  buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
});

const reads = new Counter({
  name: 'loan_buddy_provider_reads_total',
  help: 'Reads of a provider’s cached offers: fresh, stale, awaited (none was cached), or missing. Listings that are fresh as a whole are not read again.',
  labelNames: ['provider', 'result'],
});

const breakers = new Gauge({
  name: 'loan_buddy_provider_breaker_state',
  help: 'State of the circuit breaker around a provider on this replica: 1 for the current state, 0 for the others.',
  labelNames: ['provider', 'state'],
});

export type ReadResult = 'fresh' | 'stale' | 'awaited' | 'missing';

/** Counts what one provider does. */
export function createProviderMetrics(provider: string) {
  const setBreaker = (current: CircuitState) => {
    for (const [state, value] of Object.entries(byState(breakerState(current))))
      breakers.set({ provider, state }, value);
  };
  setBreaker(CircuitState.Closed);
  // Start at 0: Prometheus' `increase` does not count the first value of a series.
  for (const result of ['fresh', 'stale', 'awaited', 'missing']) reads.inc({ provider, result }, 0);
  return {
    setBreaker,
    countRead: (result: ReadResult) => {
      reads.inc({ provider, result });
    },
    observeRequest: (outcome: 'ok' | FailureReason, durationMs: number) => {
      durations.observe({ provider, outcome }, durationMs / 1000);
    },
  };
}
