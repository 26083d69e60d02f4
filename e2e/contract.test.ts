/** The real confirm-payment against its callers: the client in offers, and the messages. */
import { createPublishEvent } from '@loan-buddy/kit/messaging';
import { createHttpClient } from '../services/offers/src/client/http-client';
import { recordingLogger, startApp } from '@loan-buddy/kit/testing';
import { createApp } from '../services/confirm-payment/src/app';
import { readConfig } from '../services/confirm-payment/src/config';
import { createContext } from '../services/confirm-payment/src/context';
import { decide } from '../services/confirm-payment/src/decide';
import { createDecideCheckout } from '../services/confirm-payment/src/decide-checkout';
import { createApplyDecision } from '../services/offers/src/approval/apply-decision';
import { createEventLog } from '../services/offers/src/events/event-log';
import { newOrderId } from '../services/offers/src/domain/order';
import { createOrderStore } from '../services/offers/src/orders/order-store';
import { createPaymentClient } from '../services/offers/src/approval/payment-client';
import { useDatabase } from '../services/offers/test/database';

it('offers and confirm-payment understand each other', async () => {
  const { logger, lines } = recordingLogger();
  const app = createApp(createContext(readConfig({}), { logger, bus: undefined }));
  const server = await startApp(app);
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
    const requests = lines.filter(({ msg }) => msg === 'request');
    expect(requests.map(({ requestId, status }) => [requestId, status])).toEqual([
      ['r-1', 200],
      ['r-2', 200],
    ]);
  } finally {
    await client.close();
    await server.close();
  }
});

describe('over messages', () => {
  const database = useDatabase();

  it.each([
    ['offer2', 12_000, 'APPROVED'],
    ['offer3', 9_000, 'REJECTED'],
  ])('offers and confirm-payment understand each other: %s', async (_, amount, decision) => {
    const orders = createOrderStore(database().db);
    const offer = { id: 'offer', provider: 'Provider', rate: 1, amount };
    const order = {
      id: newOrderId(),
      userId: 'cristina',
      status: 'PENDING' as const,
      createdAt: new Date(),
      offer,
      attempts: 0,
    };
    await orders.insert(order, 60_000);
    const [submitted] = await createEventLog(database().db).listByOrder(order.id);
    const published: string[] = [];
    const decideCheckout = createDecideCheckout({
      decide: (each) => decide(each, 10_000),
      injectFault: () => Promise.resolve(),
      publish: (event) => Promise.resolve(void published.push(JSON.stringify(event))),
    });
    const publish = createPublishEvent(
      { publish: (_topic, { body }) => decideCheckout(body) },
      'checkouts',
    );
    await publish(submitted!.event);
    await createApplyDecision(orders, recordingLogger().logger)(published[0]!);
    expect(await orders.find(order.id)).toMatchObject({ status: decision });
  });
});
