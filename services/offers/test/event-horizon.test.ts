/** How far the event log can be read during concurrent writes. Needs a server, as PGlite has one session. */
import { describeUnless, until } from '@loan-buddy/kit/testing';
import { sql } from 'kysely';
import { Client } from 'pg';
import { migrate } from '../src/db/migrate';
import { createEventLog } from '../src/events/event-log';
import { createServerDatabase, openServerDatabase, testServer, withoutServer } from './database';

describeUnless(withoutServer)('the horizon of the event log', () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function setUp() {
    const { url, drop } = await createServerDatabase(testServer!);
    closers.push(drop);
    const { db, close } = await openServerDatabase(url, 2);
    closers.push(close);
    await migrate(db);
    const session = async () => {
      const client = new Client({ connectionString: url });
      await client.connect();
      closers.push(() => client.end());
      return client;
    };
    const log = createEventLog(db);
    const exportFrom = async (after: number, waitMs = 100) => {
      const upTo = await log.horizon(after, waitMs);
      const page = await log.page({ after, upTo, limit: 1000 });
      return { orders: page.map(({ event }) => event.subject), last: page.at(-1)?.seq ?? after };
    };
    return { db, session, exportFrom };
  }

  const buy = (client: Client, id: string) =>
    client.query(
      `insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount, due_at)
       values ($1, 'cristina', 'PENDING', now(), 'offer2', 'ProviderB', 2.9, 12000, now())`,
      [id],
    );

  it('is before an uncommitted event, and after it once committed', async () => {
    const { session, exportFrom } = await setUp();
    const [early, late] = [await session(), await session()];
    await buy(early, 'order-1');
    // The later transaction takes the earlier position.
    await early.query('begin');
    await early.query('select txid_current()');
    await late.query('begin');
    await late.query('select pg_sleep(0.01), txid_current()');
    await buy(late, 'order-2');
    await buy(early, 'order-3');
    await early.query('commit');

    const first = await exportFrom(0);
    expect(first.orders).toEqual(['order-1']);
    expect((await exportFrom(first.last)).orders).toEqual([]);
    await late.query('commit');
    expect((await exportFrom(first.last)).orders).toEqual(['order-2', 'order-3']);
  });

  it('waits for current writers, not for later ones, and blocks neither', async () => {
    const { session, exportFrom } = await setUp();
    const [slow, next, quick] = [await session(), await session(), await session()];
    await slow.query('begin');
    await buy(slow, 'order-1');
    await buy(quick, 'order-2');
    // The test hangs if one blocks the other.
    const exporting = exportFrom(0, 3_600_000);
    await until(async () => {
      const { rows } = await quick.query(
        `select 1 from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and query like '%pg_locks%'`,
      );
      return rows.length > 0;
    });
    await next.query('begin');
    await buy(next, 'order-3');
    await slow.query('commit');
    expect((await exporting).orders).toEqual(['order-1', 'order-2']);
    await next.query('rollback');
  });

  it('misses nothing during many writes, in whatever order they commit or roll back', async () => {
    const { db, session, exportFrom } = await setUp();
    const state = { over: false };
    const writing = Promise.all(
      Array.from({ length: 6 }, async (_, lane) => {
        const client = await session();
        for (let i = 0; i < 60; i++) {
          await client.query('begin');
          await buy(client, `order-${String(lane)}-${String(i)}`);
          await client.query('select pg_sleep(random() * 0.02)');
          await client.query(Math.random() < 0.1 ? 'rollback' : 'commit');
        }
      }),
    ).finally(() => (state.over = true));
    const exported: string[] = [];
    let last = 0;
    for (let more = true; more;) {
      more = !state.over;
      const part = await exportFrom(last, 5000);
      exported.push(...part.orders);
      last = part.last;
    }
    await writing;
    const { rows } = await sql<{ id: string }>`
      select order_id as id from order_events order by seq`.execute(db);
    expect(exported).toEqual(rows.map(({ id }) => id));
  });
});
