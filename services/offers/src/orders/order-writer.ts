import { CompiledQuery, type Kysely, type Selectable } from 'kysely';
import { columnsOf, createBatch } from '../db/batch';
import type { OrdersTable, Tables } from '../db/tables';
import { orderedFields, type Decision, type NewOrder } from '../domain/order';
import { CLAIM_KEYS, keyColumns, nameOf, type RequestInFlight } from './idempotency';

/** The columns of an {@link Order}. */
export const orderColumns = [
  ...(['id', 'userId', 'status', 'createdAt', 'attempts', 'offerId'] as const),
  ...orderedFields,
] as const;

export type OrderRow = Pick<Selectable<OrdersTable>, (typeof orderColumns)[number]>;

const insertedColumns = {
  id: 'text',
  userId: 'text',
  status: 'text',
  createdAt: 'timestamptz',
  attempts: 'int',
  offerId: 'text',
  provider: 'text',
  rate: 'float8',
  amount: 'float8',
  termMonths: 'int',
  traceparent: 'text',
  email: 'text',
} as const satisfies Partial<Record<keyof OrdersTable, string>>;
const itemColumns = { ...insertedColumns, dueInMs: 'float8', ...keyColumns };

const namesOf = <Columns extends object>(columns: Columns) =>
  Object.keys(columns) as (keyof Columns & string)[];
const list = (names: readonly string[]) =>
  names.map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)).join(', ');
const arrays = Object.values(itemColumns).map((type, i) => `$${String(i + 1)}::${type}[]`);

// The two statements of every checkout as constants: building them for each call was 9 % of a checkout's CPU time.
const INSERT = `
  with item as materialized (
    select * from unnest(${arrays.join(', ')}) as item (${list(namesOf(itemColumns))})),
  claimed as (${CLAIM_KEYS})
  insert into orders (${list(namesOf(insertedColumns))}, due_at)
  select ${list(namesOf(insertedColumns))}, now() + due_in_ms * interval '1 ms'
  from item where key is null or id in (select order_id from claimed)
  returning id`;

// Skips locked orders: a batch must not wait for one of them, nor deadlock with another replica's. The concatenation
// keeps the planner away from the index of pending orders: it would read the whole index.
const DECIDE = `
  with made as materialized (
    select id, decision
    from unnest($1::text[], $2::text[]) as item (order_id, decision) join orders on id = order_id
    where status || '' = 'PENDING' for no key update of orders skip locked)
  update orders set status = decision, decided_at = now(), due_at = null
  from made where orders.id = made.id
  returning ${list(orderColumns.map((name) => `orders.${name}`))}`;

/** Writes new orders and decisions in batches. */
export function createOrderWriter(db: Kysely<Tables>) {
  const decide = createBatch<{ id: string; decision: Decision }, OrderRow | undefined>({
    keyOf: ({ id }) => id,
    write: async (items) => {
      const query = CompiledQuery.raw(DECIDE, columnsOf(items, ['id', 'decision']));
      const { rows } = await db.executeQuery<OrderRow>(query);
      const decided = new Map(rows.map((row) => [row.id, row]));
      return items.map(({ id }) => decided.get(id));
    },
  });

  const insert = createBatch<Insertion, boolean>({
    keyOf: ({ request }) => request && nameOf(request),
    write: async (insertions) => {
      const items = insertions.map(({ order, dueInMs, request }) => {
        const { offer } = order;
        return { ...offer, ...order, offerId: offer.id, dueInMs, ...request };
      });
      const query = CompiledQuery.raw(INSERT, columnsOf(items, namesOf(itemColumns)));
      const { rows } = await db.executeQuery<{ id: string }>(query);
      const inserted = new Set(rows.map(({ id }) => id));
      return items.map(({ id }) => inserted.has(id));
    },
  });

  return {
    /** Stores an order with its key, if any; false if the key is taken. */
    insert,

    /** Returns the updated row; undefined if the order is not pending, or locked. */
    decide,
  };
}

export interface Insertion {
  order: NewOrder;
  dueInMs: number;
  request: RequestInFlight | undefined;
}
