/** Checkouts written in batches while offers is killed and PostgreSQL stops: each one's promise holds on its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startHttpServer, until } from '@loan-buddy/kit/testing';
import { sql } from 'kysely';
import { testServer } from '../services/offers/test/database';
import { inParallel, postCheckout, report, type OrderBody } from './support/client';
import { freePort } from './support/free-port';
import { atEnd } from './support/at-end';
import { newStorage, ownServer, storageName } from './support/postgres';
import { startService } from './support/service-process';
import { withDatabase } from './support/with-database';

const CHECKOUTS = 2000;
const CONNECTIONS = 64;
/** The embedded database starts with offers and takes twice as long. */
const FAULTS =
  testServer === undefined ? { kills: 6, stops: 0, every: 1 } : { kills: 20, stops: 5, every: 5 };

interface Checkout {
  body: { user_id: string; loan_id: string };
  /** The client repeats it with its key until it knows the outcome. Without a key, it may leave several orders. */
  key?: string;
  /** The status of its response, if no order can come of it. */
  invalid?: number;
}

/** One of 20 is invalid, one of 20 shares its key with others in flight, and half of the others have a key. */
const checkouts = Array.from({ length: CHECKOUTS }, (_, i): Checkout => {
  const body = { user_id: `user-${String(i)}`, loan_id: `offer${String(1 + (i % 3))}` };
  if (i % 40 === 7) return { body: { ...body, loan_id: 'unknown' }, key: 'k', invalid: 422 };
  if (i % 40 === 8) return { body: { ...body, user_id: 'a\0' }, invalid: 400 };
  if (i % 100 >= 95) {
    const user_id = `shared-${String(Math.floor(i / 100))}`;
    return { body: { user_id, loan_id: 'offer1' }, key: 'k' };
  }
  return i % 2 === 0 ? { body, key: 'k' } : { body };
});

/** A confirm-payment that decides differently each time: shows a decision made twice, or for another order. */
async function startFickleConfirmPayment() {
  const said = new Map<string, string[]>();
  const { url, close } = await startHttpServer((req, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => (body += chunk.toString()));
    req.on('end', () => {
      const { order_id: id } = JSON.parse(body) as { order_id: string };
      const before = said.get(id) ?? [];
      const first = id.charCodeAt(id.length - 1) % 2;
      const status = (first + before.length) % 2 === 0 ? 'APPROVED' : 'REJECTED';
      said.set(id, [...before, status]);
      res.end(JSON.stringify({ status }));
    });
  });
  atEnd(close);
  return { url, said };
}

interface StoredOrder {
  id: string;
  userId: string;
  loanId: string;
  status: string;
  /** The types of its events. */
  history: string;
}

/** Reads all orders with their events, and in how many transactions they were inserted. */
function readTables(storage: NodeJS.ProcessEnv) {
  return withDatabase(storage, async ({ db }) => {
    const { rows: orders } = await sql<StoredOrder>`
      select o.id, user_id, offer_id as loan_id, status, coalesce(history, '') as history
      from orders o full join (
        select order_id, string_agg(replace(type, 'com.loanbuddy.order.', ''), ' ' order by seq) as history
        from order_events group by order_id
      ) e on e.order_id = o.id`.execute(db);
    const { rows } = await sql<{ transactions: number }>`
      select count(distinct xmin::text) as transactions from order_events
      where type like '%checkout_submitted'`.execute(db);
    return { orders, transactions: rows[0]!.transactions };
  });
}

it(`loses, doubles and decides twice no checkout of a batch, on ${storageName}`, async () => {
  const server = testServer === undefined ? undefined : await ownServer();
  const storage = server ? { DATABASE_URL: server.url } : await newStorage();
  const confirmPayment = await startFickleConfirmPayment();
  const port = String(await freePort());
  const url = `http://127.0.0.1:${port}`;
  const start = () =>
    startService('offers', {
      ...storage,
      CONFIRM_PAYMENT_URL: confirmPayment.url,
      PORT: port,
      // Fast retries and short leases: a process soon takes over the work of one that died.
      RETRY_BASE_MS: '50',
      RETRY_CAP_MS: '1000',
      RETRY_ATTEMPTS: '1000',
      CONFIRM_PAYMENT_TIMEOUT_MS: '500',
      DATABASE_TIMEOUT_MS: '500',
    });
  let offers = start();
  await offers;

  const acknowledged: { checkout: Checkout; order: OrderBody }[] = [];
  const outcomes = new Map<string, number>();
  const unexpected: string[] = [];
  let done = 0;
  /** Repeats a checkout until the client knows its outcome. */
  const buy = async (checkout: Checkout): Promise<void> => {
    const { body, key, invalid } = checkout;
    for (;;) {
      const headers: Record<string, string> = key === undefined ? {} : { 'Idempotency-Key': key };
      const response = await postCheckout(url, body, headers).catch(() => undefined);
      const text = await response?.text().catch(() => undefined);
      const status = text === undefined ? 'cut off' : String(response!.status);
      outcomes.set(status, (outcomes.get(status) ?? 0) + 1);
      if (status === String(invalid)) return;
      if (status === '201' || status === '202') {
        acknowledged.push({ checkout, order: JSON.parse(text!) as OrderBody });
        return;
      }
      if (!['cut off', '409', '503'].includes(status)) {
        unexpected.push(`${status}: ${text!}`);
        return;
      }
      await sleep(50);
      await offers;
    }
  };
  const startedAt = performance.now();
  const buying = inParallel(CHECKOUTS, CONNECTIONS, async (i) => {
    await buy(checkouts[i]!);
    done += 1;
  });
  const faults = FAULTS.kills + FAULTS.stops;
  for (let fault = 1; fault <= faults; fault++) {
    await until(() => done >= ((fault - 1) * CHECKOUTS) / faults);
    await sleep(Math.random() * 60);
    if (server && fault % FAULTS.every === 0) {
      server.stop();
      server.start();
    } else {
      const { kill, exit } = await offers;
      kill('SIGKILL');
      await exit;
      offers = start();
    }
    await offers;
  }
  await buying;
  // Each key still belongs to its order.
  await inParallel(CHECKOUTS, CONNECTIONS, async (i) => {
    if (checkouts[i]!.key !== undefined) await buy(checkouts[i]!);
  });
  await until(async () => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    return /^loan_buddy_orders_pending 0$/m.test(metrics);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const { kill, exit } = await offers;
  kill('SIGTERM');
  await exit;

  const { orders, transactions } = await readTables(storage);
  const stored = new Map(orders.map((order) => [order.id, order]));
  const byUser = new Map<string, StoredOrder[]>();
  for (const order of orders) {
    byUser.set(order.userId, [...(byUser.get(order.userId) ?? []), order]);
  }
  const lost = acknowledged.filter(({ checkout: { body }, order }) => {
    const row = stored.get(order.id);
    return row?.userId !== body.user_id || row.loanId !== body.loan_id;
  });
  const changed = acknowledged.filter(({ order }) => {
    return order.status !== 'PENDING' && order.status !== stored.get(order.id)?.status;
  });
  const keyed = checkouts.filter(({ key, invalid }) => key !== undefined && invalid === undefined);
  const doubled = keyed.filter(({ body }) => byUser.get(body.user_id)?.length !== 1);
  const wrong = orders.filter(({ id, status, history }) => {
    const isSaid = confirmPayment.said.get(id)?.includes(status);
    return !isSaid || history !== `checkout_submitted ${status.toLowerCase()}`;
  });
  const known = new Set(
    checkouts.filter(({ invalid }) => !invalid).map(({ body }) => body.user_id),
  );
  const uninvited = orders.filter(({ userId }) => !known.has(userId));
  const ids = new Set(acknowledged.map(({ order }) => order.id));
  const askedTwice = [...confirmPayment.said.values()].filter(({ length }) => length > 1).length;
  const seen = [...outcomes].map(([status, count]) => `${String(count)} × ${status}`).sort();
  report(
    `${storageName}, ${String(CHECKOUTS)} checkouts on ${String(CONNECTIONS)} connections, ` +
      `${String(FAULTS.kills)} kills, ${String(FAULTS.stops)} stops of PostgreSQL, ${seconds.toFixed(0)} s: ` +
      `${seen.join(', ')}; ${String(ids.size)} orders acknowledged, ${String(orders.length)} stored ` +
      `in ${String(transactions)} transactions; ${String(lost.length)} lost, ${String(doubled.length)} doubled, ` +
      `${String(changed.length + wrong.length)} decided twice or wrongly, ${String(askedTwice)} asked for more than once`,
  );
  expect({ unexpected, lost, doubled, changed, wrong, uninvited }).toEqual({
    unexpected: [],
    lost: [],
    doubled: [],
    changed: [],
    wrong: [],
    uninvited: [],
  });
  // Otherwise, this did not test batches.
  expect(transactions).toBeLessThan(orders.length / 2);
});
