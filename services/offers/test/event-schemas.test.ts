import { createPublishEvent } from '@loan-buddy/kit/messaging';
import { createComponentCheck, recordingLogger, startApp, until } from '@loan-buddy/kit/testing';
import request from 'supertest';
import { exportEvents } from '../src/events/export-events';
import { createEventLog } from '../src/events/event-log';
import type { OrderEvent } from '../src/domain/order-event';
import { createEventPublisher } from '../src/events/publish-events';
import { anOffer, anOrder } from './builders';
import { useService } from './service';
import { listenToStream } from './listen-to-stream';

const aService = useService();
type Service = ReturnType<typeof aService>;

const components = {
  'com.loanbuddy.order.checkout_submitted': 'OrderCheckoutSubmittedEvent',
  'com.loanbuddy.order.approved': 'OrderApprovedEvent',
  'com.loanbuddy.order.rejected': 'OrderRejectedEvent',
  'com.loanbuddy.order.failed': 'OrderFailedEvent',
  'com.loanbuddy.order.resubmitted': 'OrderResubmittedEvent',
};

/** Makes every type of event happen, on two orders. */
async function happen({ orders }: Service): Promise<string[]> {
  const [revived, rejected] = [
    anOrder({ offer: { ...anOffer(), termMonths: 36 } }),
    anOrder({ userId: 'a "b", \u2028' }),
  ];
  for (const order of [revived, rejected]) await orders.insert(order, 60_000);
  await orders.recordFailure(revived.id, { reason: 'x', dueInMs: 1, maxAttempts: 1 });
  await orders.retry(revived.id);
  await orders.decide(revived.id, 'APPROVED');
  await orders.decide(rejected.id, 'REJECTED');
  return [revived.id, rejected.id];
}

/** All ways in which these orders' events are published. */
const ways: Record<string, (service: Service, ids: string[]) => Promise<unknown[]>> = {
  'as a stream sends it': async ({ app }, ids) => {
    const server = await startApp(app);
    const seen: unknown[] = [];
    for (const id of ids) {
      const stream = await listenToStream(`${server.url}/orders/${id}/events`);
      await stream.ended;
      seen.push(...stream.events.map(({ data }) => data));
    }
    await server.close();
    return seen;
  },

  'as it is published': async ({ db }, ids) => {
    const seen: unknown[] = [];
    let isAll: () => void = () => undefined;
    const all = new Promise<void>((resolve) => (isAll = resolve));
    const finals = new Set(ids);
    const publish = (_: string, { body }: { body: string }) => {
      const event = JSON.parse(body) as OrderEvent;
      seen.push(event);
      if (['APPROVED', 'REJECTED'].includes(event.data.status)) finals.delete(event.subject);
      if (finals.size === 0) isAll();
      return Promise.resolve();
    };
    const publisher = createEventPublisher({
      log: createEventLog(db),
      publish: createPublishEvent({ publish }, 'events'),
      logger: recordingLogger().logger,
    });
    publisher.start();
    await all;
    await publisher.stop();
    return seen;
  },

  'as a row of the export': async ({ db }) => {
    let rows = '';
    const wanted = { after: 0, limit: Infinity, format: 'ndjson' } as const;
    await exportEvents(createEventLog(db), wanted, (more) => {
      rows += more;
      return Promise.resolve();
    });
    return rows
      .trimEnd()
      .split('\n')
      .map((row) => JSON.parse(row) as unknown);
  },
};

describe.each(Object.keys(ways))('an event, %s', (way) => {
  let seen: OrderEvent[];
  let check: ReturnType<typeof createComponentCheck>;
  beforeAll(async () => {
    const service = aService();
    const ids = await happen(service);
    seen = (await ways[way]!(service, ids)) as OrderEvent[];
    const { body } = await request(service.app).get('/openapi.json').expect(200);
    check = createComponentCheck(body as object);
  });

  it.each(Object.entries(components))('of type %s fits %s, and no other type', (type, name) => {
    const events = seen.filter((event) => event.type === type);
    expect(events.length).toBeGreaterThan(0);
    for (const event of events) {
      check(name, event);
      check('OrderEvent', event);
      for (const other of Object.values(components).filter((each) => each !== name)) {
        expect(() => {
          check(other, event);
        }).toThrow(/\/type must be/);
      }
    }
  });

  it('has the status of its type', () => {
    for (const event of seen) {
      const { status } = event.data;
      const data = { ...event.data, status: status === 'FAILED' ? 'PENDING' : 'FAILED' };
      for (const name of [components[event.type], 'OrderEvent']) {
        expect(() => {
          check(name, { ...event, data });
        }).toThrow(/\/data\/status must be/);
      }
    }
  });
});

describe('the stream of an order’s events', () => {
  it('says that an attempt failed as documented', async () => {
    const { app, orders } = aService();
    const order = anOrder();
    await orders.insert(order, 60_000);
    await orders.recordFailure(order.id, { reason: 'x', dueInMs: 60_000, maxAttempts: 9 });
    const server = await startApp(app);
    const { attempted, leave } = await listenToStream(`${server.url}/orders/${order.id}/events`);
    await until(() => attempted.length > 0);
    leave();
    await server.close();
    const { body } = await request(app).get('/openapi.json').expect(200);
    const check = createComponentCheck(body as object);
    check('OrderAttempted', attempted[0]);
    expect(JSON.stringify(body)).toContain('#/components/schemas/OrderAttempted');
  });

  it('is documented with a schema of the document', async () => {
    const { body } = await request(aService().app).get('/openapi.json').expect(200);
    const { paths } = body as {
      paths: Record<string, { get: { responses: { 200: { description: string } } } }>;
    };
    const { description } = paths['/orders/{id}/events']!.get.responses[200];
    const [, component] = /\(#\/components\/schemas\/(\w+)\)/.exec(description) ?? [];
    expect(component).toBe('OrderEvent');
    expect(body).toMatchObject({
      components: {
        schemas: {
          OrderEvent: {
            discriminator: {
              propertyName: 'type',
              mapping: Object.fromEntries(
                Object.entries(components).map(([type, name]) => [
                  type,
                  `#/components/schemas/${name}`,
                ]),
              ),
            },
          },
        },
      },
    });
  });
});
