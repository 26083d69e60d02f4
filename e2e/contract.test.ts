/** The real confirm-payment against the client with which offers asks it. */
import { createApp } from '@loan-buddy/confirm-payment/app';
import { decide } from '@loan-buddy/confirm-payment/decide';
import { createHttpClient, createLifecycle } from '@loan-buddy/kit';
import { recordingLogger, startHttpServer } from '@loan-buddy/kit/testing';
import { createPaymentClient } from '@loan-buddy/offers/payment-client';

it('offers and confirm-payment understand each other', async () => {
  const { logger, lines } = recordingLogger();
  const app = createApp({
    logger,
    lifecycle: createLifecycle(),
    decide: (amount) => decide(amount, 10_000),
    simulateTrouble: () => Promise.resolve(),
  });
  const server = await startHttpServer(app);
  const client = createHttpClient({
    baseUrl: server.url,
    timeoutMs: 2000,
    maxResponseBytes: 16_384,
  });
  const ask = createPaymentClient(client);
  const order = (amount: number) => ({
    id: 'order-1',
    userId: 'cristina',
    status: 'PENDING' as const,
    createdAt: new Date(),
    offer: { id: 'offer', provider: 'Provider', rate: 1, amount },
    attempts: 0,
  });
  try {
    expect(await ask(order(12_000), { requestId: 'r-1' })).toBe('APPROVED');
    expect(await ask(order(9_000), { requestId: 'r-2' })).toBe('REJECTED');
    expect(lines.map(({ requestId, status }) => [requestId, status])).toEqual([
      ['r-1', 200],
      ['r-2', 200],
    ]);
  } finally {
    await client.close();
    await server.close();
  }
});
