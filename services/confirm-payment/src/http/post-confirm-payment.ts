import { endpoint, sendJson } from '@loan-buddy/kit/server';
import { z } from 'zod';
import { decisions } from '../decide';
import { makeDecision, type DecisionMaker } from '../make-decision';

const requestSchema = z
  .object({
    order_id: z.string().min(1).meta({ example: 'order-123' }),
    amount: z.number().min(0).meta({ example: 12000 }),
    status: z.literal('PENDING'),
  })
  .meta({ id: 'PaymentToConfirm' });

const decisionSchema = z.object({ status: z.enum(decisions) }).meta({ id: 'PaymentDecision' });

export function postConfirmPayment(decisionMaker: DecisionMaker) {
  return endpoint(
    {
      method: 'post',
      path: '/confirm-payment',
      operationId: 'confirmPayment',
      tag: { name: 'Payments', description: 'One decision per order: APPROVED or REJECTED.' },
      summary: 'Decide on the payment of an order',
      description:
        'Depends on the amount alone: the same order gets the same decision; retries are safe.',
      access: { scope: 'payments:confirm' },
      body: requestSchema,
      bodyExample: { order_id: 'order-123', amount: 12_000, status: 'PENDING' },
      responses: { 200: { description: 'The decision.', schema: decisionSchema } },
      problems: ['simulated-failure'],
    },
    async ({ body, res }) => {
      sendJson(res, 200, { status: await makeDecision(decisionMaker, body) });
    },
  );
}
