import { recordingLogger } from '@loan-buddy/kit/testing';
import { sql } from 'kysely';
import { anOrder } from '../../test/builders';
import { useDatabase } from '../../test/database';
import { createAttemptDecision } from './attempt-decision';
import { createOrderStore } from '../orders/order-store';
import { BreakerOpenError } from './payment-breaker';
import { UndecidedError, type AskForDecision } from './payment-client';

const database = useDatabase();
const HOUR_MS = 3_600_000;
/** Longer than any test takes between an attempt and reading the row. */
const TEST_MS = 300_000;
const policy = { attempts: 3, baseMs: HOUR_MS, capMs: 10 * HOUR_MS };

/** A due order, and another order that the test must not touch. */
async function setUp(askForDecision: AskForDecision) {
  const { db } = database();
  const orders = createOrderStore(db);
  const [order, bystander] = [anOrder(), anOrder()];
  for (const each of [bystander, order]) await orders.insert(each, 0);
  const { logger, lines } = recordingLogger();
  const asked: unknown[] = [];
  const attemptDecision = createAttemptDecision({
    orders,
    askForDecision: (...args) => {
      asked.push(args);
      return askForDecision(...args);
    },
    policy,
    logger,
  });
  let current = order;
  return {
    order,
    asked,
    lines,
    attempt: async () => (current = await attemptDecision(current, { requestId: 'r' })),
    /** The stored order. */
    kept: () => rowOf(order.id),
    expectBystanderUntouched: async () => {
      expect(await rowOf(bystander.id)).toMatchObject({ status: 'PENDING', attempts: 0 });
      expect((await orders.claimDue(100, 0)).map(({ id }) => id)).toContain(bystander.id);
    },
  };
}

async function rowOf(id: string) {
  const { rows } = await sql<{
    status: string;
    attempts: number;
    lastError: string | null;
    dueInMs: number | null;
  }>`select status, attempts, last_error, extract(epoch from due_at - now())::float8 * 1000 as due_in_ms
    from orders where id = ${id}`.execute(database().db);
  return rows[0]!;
}

const undecided = () =>
  Promise.reject(new UndecidedError('no response', { cause: new Error('x'.repeat(1000)) }));

describe('attemptDecision', () => {
  it.each(['APPROVED', 'REJECTED'] as const)('records that the order is %s', async (decision) => {
    const { order, asked, attempt, kept, expectBystanderUntouched } = await setUp(() =>
      Promise.resolve(decision),
    );
    expect(await attempt()).toEqual({ ...order, status: decision });
    expect(asked).toEqual([[order, { requestId: 'r' }]]);
    expect(await kept()).toEqual({
      ...{ status: decision, attempts: 0 },
      ...{ lastError: null, dueInMs: null },
    });
    await expectBystanderUntouched();
  });

  it('returns the decision already recorded if its own comes too late', async () => {
    const { order, attempt, kept } = await setUp(async ({ id }) => {
      await createOrderStore(database().db).decide(id, 'REJECTED');
      return 'APPROVED';
    });
    expect(await attempt()).toEqual({ ...order, status: 'REJECTED' });
    expect(await kept()).toMatchObject({ status: 'REJECTED' });
  });

  it('records a failed attempt, its truncated reason, and the time of the next', async () => {
    const { order, lines, attempt, kept, expectBystanderUntouched } = await setUp(undecided);
    await attempt();
    expect(await attempt()).toEqual({ ...order, attempts: 2 });
    const { status, attempts, lastError: reason, dueInMs } = await kept();
    expect([status, attempts]).toEqual(['PENDING', 2]);
    expect(reason).toMatch(/^no response: x+$/);
    expect(reason).toHaveLength(500);
    // After the first attempt, the pause would be at most an hour.
    expect(dueInMs).toBeGreaterThan(HOUR_MS - TEST_MS);
    expect(dueInMs).toBeLessThanOrEqual(2 * HOUR_MS);
    const line = { level: 'warn', orderId: order.id, requestId: 'r' };
    expect(lines).toMatchObject([
      { ...line, attempts: 1 },
      { ...line, attempts: 2 },
    ]);
    await expectBystanderUntouched();
  });

  it('fails the order after the last attempt and logs an error', async () => {
    const { order, lines, attempt, kept, expectBystanderUntouched } = await setUp(undecided);
    await attempt();
    await attempt();
    expect(await attempt()).toEqual({ ...order, status: 'FAILED', attempts: 3 });
    expect(await kept()).toMatchObject({ status: 'FAILED', attempts: 3, dueInMs: null });
    expect(lines.map(({ level }) => level)).toEqual(['warn', 'warn', 'error']);
    expect(lines.at(-1)).toMatchObject({ orderId: order.id, attempts: 3 });
    await expectBystanderUntouched();
  });

  it('counts no attempt if the breaker was open', async () => {
    const { order, lines, attempt, kept, expectBystanderUntouched } = await setUp(() =>
      Promise.reject(new BreakerOpenError('open')),
    );
    expect(await attempt()).toEqual(order);
    const { dueInMs, ...others } = await kept();
    expect(others).toEqual({ status: 'PENDING', attempts: 0, lastError: null });
    expect(dueInMs).toBeGreaterThan(HOUR_MS / 2 - TEST_MS);
    expect(dueInMs).toBeLessThanOrEqual(HOUR_MS);
    expect(lines).toEqual([]);
    await expectBystanderUntouched();
  });

  it('rethrows other errors and leaves the order due as before', async () => {
    const { attempt, kept } = await setUp(() => Promise.reject(new Error('ours')));
    await expect(attempt()).rejects.toThrow('ours');
    const { dueInMs, ...others } = await kept();
    expect(others).toEqual({ status: 'PENDING', attempts: 0, lastError: null });
    expect(dueInMs).toBeLessThanOrEqual(0);
  });
});
