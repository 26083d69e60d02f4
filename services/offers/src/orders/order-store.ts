import { CompiledQuery, sql, type Kysely, type Selectable } from 'kysely';
import { inMs } from '../db/in-ms';
import type { OrdersTable, Tables } from '../db/tables';
import { claimKey, type RequestInFlight } from './idempotency';
import type { Decision, NewOrder, Order, OrderStatus } from '../domain/order';

/** A page of a listing by id. Ids begin with the time at which a replica created them. */
export interface Page {
  /** Id of the last order of the previous page; if missing, starts at the newest. */
  before?: string | undefined;
  limit: number;
}

export interface FailedOrder extends Order {
  lastError: string | null;
}

/** A claimed order that needs an attempt. */
export interface DueOrder extends Order {
  /** Whether a request message was published since it became pending. */
  isRequested: boolean;
}

/** Counts of orders without a decision. */
export interface OpenOrders {
  pending: number;
  failed: number;
  /** Age of the oldest pending checkout in seconds; 0 if none is pending. */
  oldestPendingAgeS: number;
}

/** Stores orders. Each call except {@link OrderStore.redriveAll} is atomic. */
export interface OrderStore {
  /**
   * Stores a new order, due after `dueInMs`. With a request, also takes its key; if the key is taken, writes nothing
   * and returns false.
   */
  insert: (order: NewOrder, dueInMs: number, request?: RequestInFlight) => Promise<boolean>;
  find: (id: string) => Promise<Order | undefined>;
  listByUser: (userId: string, page: Page) => Promise<Order[]>;
  /** Records the decision if the order is still pending; returns the current order. */
  decide: (id: string, decision: Decision) => Promise<Order>;
  /** Makes a pending order due later without counting an attempt; returns the current order. */
  postpone: (id: string, dueInMs: number) => Promise<Order>;
  /** Does the same, and records that a message has asked for the decision. */
  markRequested: (id: string, dueInMs: number) => Promise<Order>;
  /** Postpones after a failed attempt. After `maxAttempts`, the order is `FAILED`. */
  recordFailure: (
    id: string,
    failure: { reason: string; dueInMs: number; maxAttempts: number },
  ) => Promise<Order>;
  /** Claims up to `limit` due pending orders. No other caller gets them until `leaseMs` have passed. */
  claimDue: (limit: number, leaseMs: number) => Promise<DueOrder[]>;
  listFailed: (page: Page) => Promise<FailedOrder[]>;
  /**
   * Makes a failed order pending, due at once, with no attempts. Returns undefined if there is no such failed order.
   */
  redrive: (id: string) => Promise<Order | undefined>;
  /**
   * Does this for all orders that have failed so far, oldest first, in batches: finished batches stay done if the
   * database becomes unavailable. Returns how many.
   */
  redriveAll: () => Promise<number>;
  countOpen: () => Promise<OpenOrders>;
}

const columns = [
  'id',
  'user_id',
  'status',
  'created_at',
  'offer_id',
  'provider',
  'rate',
  'amount',
  'term_months',
  'attempts',
] as const;

/** Most failed orders to retry in one statement: each also writes an event. */
const REDRIVE_BATCH = 1000;

// The two statements of every checkout as constants: building them for each call was 9 % of a checkout's CPU time.
const INSERT = `insert into orders
  (id, user_id, status, created_at, offer_id, provider, rate, amount, term_months,
    traceparent, email, due_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now() + $12 * interval '1 ms')`;
const DECIDE = `update orders set status = $2, decided_at = now(), due_at = null
  where id = $1 and status = 'PENDING' returning ${columns.join(', ')}`;

/**
 * Stores orders in a database. Each legal transition is a condition of its statement, so only one of two concurrent
 * changes succeeds.
 *
 * @param options.onDecided called for each decision recorded here
 */
export function createOrderStore(
  db: Kysely<Tables>,
  { onDecided = () => undefined }: { onDecided?: (order: Order) => void } = {},
): OrderStore {
  const updatePending = db.updateTable('orders').where('status', '=', 'PENDING');
  const pendingAgain = {
    status: 'PENDING',
    attempts: 0,
    due_at: sql`now()`,
    requested_at: null,
  } as const;

  /** Retries the oldest failed orders after `after`, up to and including `upTo`. Returns how many, and the newest. */
  const redriveSome = (after: string, upTo: string) =>
    db
      .with('redriven', (qb) =>
        qb
          .updateTable('orders')
          .where(
            sql<boolean>`id = any (array(
              select id from orders where status = 'FAILED' and id > ${after} and id <= ${upTo}
              order by id limit ${REDRIVE_BATCH} for update))`,
          )
          .set(pendingAgain)
          .returning('id'),
      )
      .selectFrom('redriven')
      .select([sql<number>`count(*)::int`.as('count'), sql<string | null>`max(id)`.as('newest')])
      .executeTakeFirstOrThrow();

  const find = async (id: string) => {
    const row = await db
      .selectFrom('orders')
      .select(columns)
      .where('id', '=', id)
      .executeTakeFirst();
    return row && toOrder(row);
  };

  /** Returns the updated row, or the current order if another caller changed it first. */
  const asItIs = async (id: string, updated: Row | undefined) => {
    const order = updated ? toOrder(updated) : await find(id);
    if (!order) throw new Error(`there is no order ${id}`);
    return order;
  };

  const selectPage = () => db.selectFrom('orders').select([...columns, 'last_error']);
  const page = (query: ReturnType<typeof selectPage>, { before, limit }: Page) => {
    const from = before === undefined ? query : query.where('id', '<', before);
    return from.orderBy('id', 'desc').limit(limit);
  };

  return {
    insert: async (order, dueInMs, request) => {
      const { id, userId, status, createdAt, offer } = order;
      const insertion = CompiledQuery.raw(INSERT, [
        ...[id, userId, status, createdAt],
        ...[offer.id, offer.provider, offer.rate, offer.amount, offer.termMonths ?? null],
        ...[order.traceparent ?? null, order.email ?? null, dueInMs],
      ]);
      if (!request) {
        await db.executeQuery(insertion);
        return true;
      }
      const transaction = db.transaction().setIsolationLevel('read committed');
      return transaction.execute(async (trx) => {
        const claimed = await claimKey(trx, order.id, request);
        if (claimed) await trx.executeQuery(insertion);
        return claimed;
      });
    },

    find,

    listByUser: async (userId, wanted) => {
      const query = selectPage().where('user_id', '=', userId);
      return (await page(query, wanted).execute()).map(toOrder);
    },

    decide: async (id, decision) => {
      const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(DECIDE, [id, decision]));
      const order = await asItIs(id, rows[0]);
      if (rows.length > 0) onDecided(order);
      return order;
    },

    postpone: async (id, dueInMs) => {
      const row = await updatePending
        .set({ due_at: inMs(dueInMs) })
        .where('id', '=', id)
        .returning(columns)
        .executeTakeFirst();
      return asItIs(id, row);
    },

    markRequested: async (id, dueInMs) => {
      const row = await updatePending
        .set({ due_at: inMs(dueInMs), requested_at: sql`now()` })
        .where('id', '=', id)
        .returning(columns)
        .executeTakeFirst();
      return asItIs(id, row);
    },

    recordFailure: async (id, { reason, dueInMs, maxAttempts }) => {
      const isLast = sql<boolean>`attempts + 1 >= ${maxAttempts}`;
      const row = await updatePending
        .set({
          status: sql<OrderStatus>`case when ${isLast} then 'FAILED' else 'PENDING' end`,
          due_at: sql<Date>`case when ${isLast} then null else ${inMs(dueInMs)} end`,
          attempts: sql<number>`attempts + 1`,
          last_error: reason,
        })
        .where('id', '=', id)
        .returning(columns)
        .executeTakeFirst();
      return asItIs(id, row);
    },

    claimDue: async (limit, leaseMs) => {
      // Not a subquery: a join may run it many times, and then it locks more rows than the limit.
      const rows = await db
        .with('due', (qb) =>
          qb
            .selectFrom('orders')
            .select('id as due_id')
            .where('status', '=', 'PENDING')
            .where('due_at', '<=', sql<Date>`now()`)
            .orderBy('due_at')
            .limit(limit)
            .forUpdate()
            .skipLocked(),
        )
        .updateTable('orders')
        .from('due')
        .whereRef('id', '=', 'due_id')
        .set({ due_at: inMs(leaseMs) })
        .returning([...columns, 'requested_at'])
        .execute();
      return rows.map((row) => ({ ...toOrder(row), isRequested: row.requested_at !== null }));
    },

    listFailed: async (wanted) => {
      const rows = await page(selectPage().where('status', '=', 'FAILED'), wanted).execute();
      return rows.map((row) => ({ ...toOrder(row), lastError: row.last_error }));
    },

    redrive: async (id) => {
      const row = await db
        .updateTable('orders')
        .where('status', '=', 'FAILED')
        .where('id', '=', id)
        .set(pendingAgain)
        .returning(columns)
        .executeTakeFirst();
      return row && toOrder(row);
    },

    redriveAll: async () => {
      // Excludes orders that fail later or again, which might keep this loop from ending.
      const last = await db
        .selectFrom('orders')
        .select('id')
        .where('status', '=', 'FAILED')
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst();
      if (!last) return 0;
      let redriven = 0;
      for (let after = ''; ;) {
        const { count, newest } = await redriveSome(after, last.id);
        redriven += count;
        if (count < REDRIVE_BATCH || newest === null) return redriven;
        after = newest;
      }
    },

    countOpen: async () => {
      // Separate subqueries: a combined one could not use the indexes.
      const { rows } = await sql<OpenOrders>`select
        (select count(*)::int from orders where status = 'PENDING') as pending,
        (select count(*)::int from orders where status = 'FAILED') as failed,
        (select coalesce(greatest(extract(epoch from now() - min(created_at)), 0), 0)::float8
          from orders where status = 'PENDING') as "oldestPendingAgeS"`.execute(db);
      return rows[0]!;
    },
  };
}

type Row = Pick<Selectable<OrdersTable>, (typeof columns)[number]>;

function toOrder(row: Row): Order {
  const { offer_id: id, provider, rate, amount, term_months: termMonths } = row;
  return {
    id: row.id,
    userId: row.user_id,
    status: row.status,
    createdAt: row.created_at,
    offer: { id, provider, rate, amount, ...(termMonths !== null && { termMonths }) },
    attempts: row.attempts,
  };
}
