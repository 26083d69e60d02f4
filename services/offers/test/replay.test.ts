import { createComponentCheck } from '@loan-buddy/kit/testing';
import fc from 'fast-check';
import { sql } from 'kysely';
import request from 'supertest';
import { exportEvents } from '../src/events/export-events';
import { createEventLog } from '../src/events/event-log';
import type { OrderEvent, OrderEventData } from '../src/domain/order-event';
import { decisions, newOrderId, type Order } from '../src/domain/order';
import { anOrder } from './builders';
import { useService } from './service';

const aService = useService();

const text = fc.string({ unit: 'grapheme' }).filter((each) => !each.includes('\0'));
const number = fc.double({ min: 0, max: 1e9, noNaN: true });
const anyOrder: fc.Arbitrary<Omit<Order, 'id'>> = fc.record({
  userId: text,
  status: fc.constant('PENDING'),
  createdAt: fc.date({ min: new Date('1970'), max: new Date('2100'), noInvalidDate: true }),
  offer: fc.record({
    id: text,
    provider: text,
    rate: number,
    amount: number,
    termMonths: fc.option(fc.integer({ min: 1, max: 480 }), { nil: undefined }),
  }),
  attempts: fc.constant(0),
});

const of = fc.nat(3);
const kind = <Name extends string>(name: Name) => fc.constant(name);
/** A step on one of the orders, legal or not, or an export of a few events in between. */
const anyStep = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: kind('insert'), order: anyOrder }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: kind('fail'), of, maxAttempts: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: kind('decide'), of, as: fc.constantFrom(...decisions) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: kind('retry'), of }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('retryAll') }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: kind('export'), limit: fc.integer({ min: 1, max: 5 }) }),
  },
);
type Step = typeof anyStep extends fc.Arbitrary<infer Value> ? Value : never;

/** An order of each status, which random steps do not guarantee. */
const everyEnd: Step[] = [
  ...[1, 2, 3, 4].map(() => ({ kind: 'insert', order: anOrder() }) as const),
  { kind: 'decide', of: 0, as: 'APPROVED' },
  { kind: 'decide', of: 1, as: 'REJECTED' },
  { kind: 'fail', of: 2, maxAttempts: 1 },
];

describe('events that are exported and replayed', () => {
  it('rebuild each order as GET /orders shows it, whatever happened to it', async () => {
    const { app, db, orders } = aService();
    const log = createEventLog(db);
    const { body: document } = await request(app).get('/openapi.json').expect(200);
    const check = createComponentCheck(document as object);
    const seen = new Map<string, number>();

    const property = fc.asyncProperty(fc.array(anyStep, { maxLength: 30 }), async (steps) => {
      await sql`truncate orders, order_events`.execute(db);
      const ids: string[] = [];
      let after = 0;
      let lines = '';
      const exportMore = async (limit: number) => {
        const exported = await exportEvents(log, { after, limit, format: 'ndjson' }, (rows) => {
          lines += rows;
          return Promise.resolve();
        });
        after = exported.last;
      };

      for (const step of steps) {
        if (step.kind === 'insert') {
          const order = { ...step.order, id: newOrderId() };
          if (ids.push(order.id) <= 4) await orders.insert(order, 60_000);
          else ids.pop();
        } else if (step.kind === 'export') await exportMore(step.limit);
        else if (step.kind === 'retryAll') await orders.retryAll();
        else {
          const id = ids[step.of];
          if (id === undefined) continue;
          if (step.kind === 'decide') await orders.decide(id, step.as);
          else if (step.kind === 'retry') await orders.retry(id);
          else {
            const { maxAttempts } = step;
            await orders.recordFailure(id, { reason: 'no answer', dueInMs: 60_000, maxAttempts });
          }
        }
      }
      await exportMore(Infinity);

      const replayed = new Map<string, OrderEventData>();
      for (const line of lines.split('\n').slice(0, -1)) {
        const event = JSON.parse(line) as OrderEvent;
        check('OrderEvent', event);
        const { subject, data } = event;
        replayed.set(subject, data);
      }
      expect([...replayed.keys()].sort()).toEqual([...ids].sort());
      for (const [id, { order_id, attempts, created_at, ...fields }] of replayed) {
        const { body } = await request(app).get(`/orders/${id}`).expect(200);
        expect({
          id: order_id,
          created_at: created_at.replace(/\.\d{3}Z$/, 'Z'),
          ...fields,
        }).toEqual(body);
        // Attempts that leave an order pending write no event; the next event includes them.
        const order = await orders.find(id);
        expect(attempts).toBe(order?.status === 'PENDING' ? 0 : order?.attempts);
        seen.set(fields.status, (seen.get(fields.status) ?? 0) + 1);
      }
    });
    await fc.assert(property, { numRuns: 80, examples: [[everyEnd]] });
    expect([...seen.keys()].sort()).toEqual(['APPROVED', 'FAILED', 'PENDING', 'REJECTED']);
  });
});
