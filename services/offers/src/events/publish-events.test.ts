import { createPublishEvent, type MessageBus } from '@loan-buddy/kit/messaging';
import { recordingLogger, until } from '@loan-buddy/kit/testing';
import { anOrder } from '../../test/builders';
import { useDatabase } from '../../test/database';
import { createOrderStore } from '../orders/order-store';
import { createEventLog } from './event-log';
import type { OrderEvent } from '../domain/order-event';
import { createEventPublisher } from './publish-events';

const database = useDatabase();

type Published = Parameters<MessageBus['publish']>;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function setUp() {
  const { db } = database();
  const published: Published[] = [];
  const trouble: { error?: Error | undefined } = {};
  const { logger, lines } = recordingLogger();
  const bus = {
    publish: (...args: Published) => {
      if (trouble.error) return Promise.reject(trouble.error);
      published.push(args);
      return Promise.resolve();
    },
  };
  const log = createEventLog(db);
  const publisher = createEventPublisher({
    log,
    publish: createPublishEvent(bus, 'events'),
    logger,
  });
  closers.push(publisher.stop);
  return { orders: createOrderStore(db), publisher, published, trouble, lines };
}

describe('the event publisher', () => {
  it('publishes every event, in order per order', async () => {
    const { orders, publisher, published } = setUp();
    const order = anOrder();
    await orders.insert(order, 60_000);
    await orders.decide(order.id, 'APPROVED');
    publisher.start();
    await until(() => published.length >= 2);
    expect(published.map(([topic]) => topic)).toEqual(['events', 'events']);
    const messages = published.map(([, message]) => message);
    const types = messages.map(({ body }) => (JSON.parse(body) as OrderEvent).type);
    expect(types).toEqual([
      'com.loanbuddy.order.checkout_submitted',
      'com.loanbuddy.order.approved',
    ]);
    expect(messages[0]).toMatchObject({
      contentType: 'application/cloudevents+json',
      orderingKey: order.id,
    });
  });

  it('retries failed events, and logs once per round', async () => {
    const { orders, publisher, published, trouble, lines } = setUp();
    trouble.error = new Error('not there');
    await orders.insert(anOrder(), 60_000);
    await orders.insert(anOrder(), 60_000);
    publisher.start();
    await until(() => lines.some(({ msg }) => msg === 'events not published'));
    trouble.error = undefined;
    await until(() => published.length >= 2);
    expect(published).toHaveLength(2);
  });
});
