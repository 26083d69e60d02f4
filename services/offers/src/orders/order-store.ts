import { sql, type Kysely } from 'kysely';
import { createQueue, msFromNow } from '../db/queue';
import type { Tables } from '../db/tables';
import { ORDER_CHANGED } from '../events/order-feed';
import { orderedOffer, type Decision, type NewOrder, type Order } from '../domain/order';
import type { RequestInFlight } from './idempotency';
import { createOrderWriter, orderColumns as columns, type OrderRow as Row } from './order-writer';

/** A page of a listing, newest first: ids begin with the time of their creation. */
export interface Page {
  /** Id of the last item of the previous page. */
  before?: string | undefined;
  limit: number;
}

export interface DueOrder extends Order {
  /** Whether a request message was published since it became pending. */
  isRequested: boolean;
  /** Trace context of the checkout, which the attempt continues. */
  traceparent: string | null;
}

export type OrderStore = ReturnType<typeof createOrderStore>;

export class UnknownOrderError extends Error {
  readonly code = 'unknown-order';
  override readonly name = 'UnknownOrderError';
}

/** Most failed orders to retry in one statement: each also writes an event. */
const RETRY_BATCH = 1000;

/**
 * Each legal transition is a condition of its statement, so only one of two concurrent changes succeeds. Each call except
 * {@link OrderStore.retryAll} is atomic. Changes of a pending order throw {@link UnknownOrderError} if there is no such order.
 * Calls `onDecided` for each decision recorded here.
 */
export function createOrderStore(
  db: Kysely<Tables>,
  { onDecided = () => undefined }: { onDecided?: (order: Order) => void } = {},
) {
  const queue = createQueue(db, {
    table: 'orders',
    key: ['id'],
    dueAt: 'dueAt',
    pending: sql`status = 'PENDING'`,
  });
  const writer = createOrderWriter(db);
  const returning = sql<Row>`${sql.join(columns.map((column) => sql.ref(`job.${column}`)))}`;
  const pendingAgain = sql`status = 'PENDING', attempts = 0, due_at = now(), requested_at = null`;

  const find = async (id: string) => {
    const row = await db
      .selectFrom('orders')
      .select(columns)
      .where('id', '=', id)
      .executeTakeFirst();
    return row && toOrder(row);
  };

  /** Returns the updated row, or the current order if another caller changed it first. */
  const currentOrder = async (id: string, updated: Row | undefined) => {
    const order = updated ? toOrder(updated) : await find(id);
    if (!order) throw new UnknownOrderError(`there is no order ${id}`);
    return order;
  };

  const changePending = async (
    id: string,
    changes: Parameters<typeof queue.update>[1],
    returned = returning,
  ) => {
    const [updated] = await queue.update([{ id }], changes, returned);
    return currentOrder(id, updated);
  };

  const selectPage = () => db.selectFrom('orders').select([...columns, 'lastError']);
  const page = (query: ReturnType<typeof selectPage>, { before, limit }: Page) => {
    const from = before === undefined ? query : query.where('id', '<', before);
    return from.orderBy('id', 'desc').limit(limit);
  };

  return {
    /**
     * Stores a new order, due after `dueInMs`. With a request, also takes its key; if the key is taken, writes nothing
     * and returns false.
     */
    insert: (order: NewOrder, dueInMs: number, request?: RequestInFlight) =>
      writer.insert({ order, dueInMs, request }),

    find,

    listByUser: async (userId: string, range: Page) => {
      const query = selectPage().where('userId', '=', userId);
      return (await page(query, range).execute()).map(toOrder);
    },

    /** Records the decision if the order is still pending; returns the current order. */
    decide: async (id: string, decision: Decision) => {
      const updated = await writer.decide({ id, decision });
      const order = await currentOrder(id, updated);
      if (updated) onDecided(order);
      return order;
    },

    /** Makes a pending order due later without counting an attempt; returns the current order. */
    postpone: (id: string, dueInMs: number) => changePending(id, { dueAt: msFromNow(dueInMs) }),

    /** Does what `postpone` does, and records that a message has asked for the decision. */
    markRequested: async (id: string, dueInMs: number) =>
      currentOrder(id, await writer.markRequested({ id, dueInMs })),

    /** Postpones after a failed attempt, and notifies all replicas. After `maxAttempts`, the order is `FAILED`. */
    recordFailure: (
      id: string,
      { reason, dueInMs, maxAttempts }: { reason: string; dueInMs: number; maxAttempts: number },
    ) => {
      const isLast = sql`attempts + 1 >= ${maxAttempts}`;
      const changes = {
        status: sql`case when ${isLast} then 'FAILED' else 'PENDING' end`,
        dueAt: sql`case when ${isLast} then null else ${msFromNow(dueInMs)} end`,
        attempts: sql`attempts + 1`,
        lastError: reason,
      };
      return changePending(id, changes, sql`${returning}, pg_notify(${ORDER_CHANGED}, job.id)`);
    },

    /** Claims up to `limit` due pending orders. No other caller gets them until `leaseMs` have passed. */
    claimDue: async (limit: number, leaseMs: number): Promise<DueOrder[]> => {
      const rows = await queue.claim({
        limit,
        leaseMs,
        returning: sql<Row & Pick<DueOrder, 'isRequested' | 'traceparent'>>`
          ${returning}, job.traceparent, job.requested_at is not null as is_requested`,
      });
      return rows.map((row) => {
        const { isRequested, traceparent } = row;
        return { ...toOrder(row), isRequested, traceparent };
      });
    },

    listFailed: async (range: Page) => {
      const rows = await page(selectPage().where('status', '=', 'FAILED'), range).execute();
      return rows.map((row) => ({ ...toOrder(row), lastError: row.lastError }));
    },

    /** Makes a failed order pending, due at once, with no attempts; undefined if there is no such failed order. */
    retry: async (id: string) => {
      const { rows } = await sql<Row>`
        update orders as job set ${pendingAgain} where status = 'FAILED' and id = ${id}
        returning ${returning}`.execute(db);
      return rows[0] && toOrder(rows[0]);
    },

    /**
     * Retries all orders that have failed so far, oldest first, in batches: finished batches stay done if the database
     * becomes unavailable. Returns how many.
     */
    retryAll: async () => {
      // Excludes orders that fail later or again, which might keep this loop from ending.
      const { rows } = await sql<{ last: string | null }>`
        select max(id) as last from orders where status = 'FAILED'`.execute(db);
      let retried = 0;
      for (let after: string | null = ''; after !== null;) {
        const batch = await sql<{ count: number; newest: string | null }>`
          with retried as (
            update orders set ${pendingAgain} where id = any (array(
              select id from orders where status = 'FAILED' and id > ${after} and id <= ${rows[0]!.last}
              order by id limit ${RETRY_BATCH} for update))
            returning id
          )
          select count(*) as count, max(id) as newest from retried`.execute(db);
        retried += batch.rows[0]!.count;
        after = batch.rows[0]!.newest;
      }
      return retried;
    },

    countOpen: async () => {
      // Separate subqueries: a combined one could not use the indexes.
      const { rows } = await sql<{
        pending: number;
        failed: number;
        oldestPendingAgeS: number;
      }>`select
        (select count(*) from orders where status = 'PENDING') as pending,
        (select count(*) from orders where status = 'FAILED') as failed,
        (select coalesce(greatest(extract(epoch from now() - min(created_at)), 0), 0)::float8
          from orders where status = 'PENDING') as "oldestPendingAgeS"`.execute(db);
      return rows[0]!;
    },
  };
}

function toOrder(row: Row): Order {
  const { id, userId, status, createdAt, attempts, offerId } = row;
  return { id, userId, status, createdAt, attempts, offer: orderedOffer({ ...row, id: offerId }) };
}
