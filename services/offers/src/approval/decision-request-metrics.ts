import { Histogram } from 'prom-client';
import type { AskForDecision } from './payment-client';

const durations = new Histogram({
  name: 'loan_buddy_decision_request_duration_seconds',
  help: 'Time that confirm-payment took, by outcome: its decision, or undecided. Not over Pub/Sub.',
  labelNames: ['outcome'],
  buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
});
// Start at 0: Prometheus' `increase` does not count the first value of a series.
for (const outcome of ['APPROVED', 'REJECTED', 'undecided']) durations.zero({ outcome });

/** Measures each request for a decision. */
export function observeRequests(askForDecision: AskForDecision): AskForDecision {
  return async (...call) => {
    const endTimer = durations.startTimer();
    let outcome = 'undecided';
    try {
      return (outcome = await askForDecision(...call));
    } finally {
      endTimer({ outcome });
    }
  };
}
