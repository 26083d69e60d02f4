import { CompiledQuery, sql, type Kysely, type Selectable } from 'kysely';
import { inMs } from '../db/in-ms';
import type { OrdersTable, Tables } from '../db/tables';
import { claimKey, type RequestInFlight } from './idempotency';
import type { Decision, NewOrder, Order, OrderStatus } from './order';

/** A page of a listing by id, which begins with the time of the replica that made it. */
export interface Page {
  /** The id of the last order of the page before; from the newest on if it is missing. */
  before?: string | undefined;
  limit: number;
}

/** A failed order, and why it failed. */
export interface FailedOrder extends Order {
  lastError: string | null;
}

/** An order whose decision is to be asked for now. */
export interface DueOrder extends Order {
  /** Whether a message that asks for it was published since it became pending. */
  isRequested: boolean;
}

/** How many orders have no decision, and why that matters. */
export interface OpenOrders {
  pending: number;
  failed: number;
  /** How long ago the checkout of the oldest pending order was; 0 where none is pending. */
  oldestPendingAgeS: number;
}

/** Keeps orders. Each call but {@link OrderStore.redriveAll} happens wholly or not at all. */
export interface OrderStore {
  /**
   * Writes down a new order, whose decision is asked for once `dueInMs` have passed. With a request, its key is taken as
   * well; false if the key is taken already, and then nothing is written.
   */
  insert: (order: NewOrder, dueInMs: number, request?: RequestInFlight) => Promise<boolean>;
  find: (id: string) => Promise<Order | undefined>;
  listByUser: (userId: string, page: Page) => Promise<Order[]>;
  /** Records the decision if the order is still pending; returns the order as it now is. */
  decide: (id: string, decision: Decision) => Promise<Order>;
  /** Has a pending order asked for later, without counting an attempt; returns the order as it now is. */
  postpone: (id: string, dueInMs: number) => Promise<Order>;
  /** The same once a message asks for its decision. */
  markRequested: (id: string, dueInMs: number) => Promise<Order>;
  /** The same after a failed attempt; with `maxAttempts` of them the order is given up: `FAILED`. */
  recordFailure: (
    id: string,
    failure: { reason: string; dueInMs: number; maxAttempts: number },
  ) => Promise<Order>;
  /** Takes up to `limit` pending orders that are due. Nobody else gets them until `leaseMs` have passed. */
  claimDue: (limit: number, leaseMs: number) => Promise<DueOrder[]>;
  listFailed: (page: Page) => Promise<FailedOrder[]>;
  /** Makes a failed order pending and due at once, its attempts forgotten; undefined if there is no such failed order. */
  redrive: (id: string) => Promise<Order | undefined>;
  /**
   * The same for all orders that have failed by now, the oldest first and some at a time: what was done stays done where
   * the database goes away. Returns how many there were.
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

/** The most failed orders that one statement makes pending: each writes an event as well. */
const REDRIVE_BATCH = 1000;

// The two statements of every checkout, as they are sent: building them anew was 9 % of a checkout's CPU time.
const INSERT = `insert into orders
  (id, user_id, status, created_at, offer_id, provider, rate, amount, term_months,
    traceparent, email, due_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now() + $12 * interval '1 ms')`;
const DECIDE = `update orders set status = $2, decided_at = now(), due_at = null
  where id = $1 and status = 'PENDING' returning ${columns.join(', ')}`;

/**
 * Orders in a database. Each legal step is a condition of its statement, so that of two at once one comes too late.
 *
 * @param options.onDecided is told of each decision recorded here
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

  /** Redrives the oldest failed orders between the two, the latter included; tells how many, and which is the newest. */
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

  /** The order as an update left it, or as somebody else did before. */
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
      // Not as a subquery: a join may run that many times, and then it locks more than the limit.
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
      // Later ones failed meanwhile, or again: with them this might never end.
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
      // One subquery each: together they would have no index.
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
