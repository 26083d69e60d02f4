/** Fills the database in DATABASE_URL or DATA_DIR with ORDERS decided orders and their events, as checkouts would. */
import { openDatabase } from './database';

/** Ids begin with the time, as in offers. */
const orders = `insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount, traceparent, decided_at)
  select 'order-' || overlay(overlay(gen_random_uuid()::text placing substr(hex, 1, 8) from 1) placing substr(hex, 9, 4) from 10),
    'user-' || i % 1000, 'APPROVED', time, 'offer2', 'ProviderB', 2.9, 12000,
    '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', time
  from generate_series(1, $1::integer) i
  cross join lateral (select now() - ($1::integer - i) * interval '1 s' as time) t
  cross join lateral (select lpad(to_hex((extract(epoch from time) * 1000)::bigint), 12, '0') as hex) h`;
const events = `insert into order_events (order_id, type, time, data, traceparent)
  select o.id, 'com.loanbuddy.order.' || e.type, o.created_at, json_build_object(
      'order_id', o.id, 'user_id', o.user_id, 'loan_id', o.offer_id, 'provider', o.provider, 'rate', o.rate,
      'amount', o.amount, 'status', e.status, 'created_at', o.created_at, 'attempts', 0), o.traceparent
  from orders o, (values ('checkout_submitted', 'PENDING'), ('approved', 'APPROVED')) e (type, status)
  order by o.id, e.status desc`;

async function fill(): Promise<void> {
  const { query, close } = await openDatabase();
  await query('alter table orders disable trigger user');
  await query('alter table order_events disable trigger user');
  await query(orders, [Number(process.env['ORDERS'])]);
  await query(events);
  await query('alter table orders enable trigger user');
  await query('alter table order_events enable trigger user');
  await query('vacuum analyze');
  await query('checkpoint');
  await close();
}

void fill();
