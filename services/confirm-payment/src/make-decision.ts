import { annotateSpan, inSpan } from '@loan-buddy/kit/telemetry';
import type { Decision } from './decide';
import type { InjectFault } from './inject-fault';

/** How this service decides. */
export interface DecisionMaker {
  decide: (amount: number) => Decision;
  injectFault: InjectFault;
}

/** Makes the decision on an order, in a span of its own. A trace is found by the order's id. */
export function makeDecision(
  { decide, injectFault }: DecisionMaker,
  { order_id: orderId, amount }: { order_id: string; amount: number },
): Promise<Decision> {
  annotateSpan({ 'loan_buddy.order.id': orderId });
  return inSpan('decide', {}, async (span) => {
    await injectFault();
    const decision = decide(amount);
    span?.setAttribute('loan_buddy.decision', decision);
    return decision;
  });
}
