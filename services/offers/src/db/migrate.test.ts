import { recordingLogger } from '@loan-buddy/kit/testing';
import { sql, type Migration } from 'kysely';
import { useDatabase } from '../../test/database';
import { createAddUsage } from '../admission/rate-limit-usage';
import { createEventLog } from '../events/event-log';
import { orderEventSchema } from '../domain/order-event';
import { migrate, MigrationError } from './migrate';
import { migrations } from './migrations';

const database = useDatabase({ migrated: false });

const table = (name: string): Migration => ({
  up: async (db) => {
    await db.schema.createTable(name).addColumn('id', 'text').execute();
  },
});

const exists = async (name: string) => {
  const { rows } = await sql<{ found: boolean }>`
    select to_regclass(${name}) is not null as found`.execute(database().db);
  return rows[0]?.found;
};

// In order, on one database.
describe('migrate', () => {
  it('rolls back a run in which one migration fails', async () => {
    const broken: Migration = { up: (db) => sql`nonsense`.execute(db).then(() => undefined) };
    const failing = migrate(database().db, { '0001-a': table('a'), '0002-b': broken });
    await expect(failing).rejects.toThrow(MigrationError);
    await expect(failing).rejects.toThrow(/^migration 0002-b failed: .*nonsense/);
    expect(await exists('a')).toBe(false);
  });

  it('runs missing migrations once, even concurrently', async () => {
    const { db } = database();
    const runs = await Promise.all([migrate(db), migrate(db), migrate(db)]);
    expect(runs.flat()).toEqual(Object.keys(migrations));
    expect(await migrate(db)).toEqual([]);
    const more = await migrate(db, { ...migrations, '9999-later': table('later') });
    expect(more).toEqual(['9999-later']);
  });

  it('refuses a schema from a newer version', async () => {
    const refused = migrate(database().db);
    await expect(refused).rejects.toThrow(MigrationError);
    await expect(refused).rejects.toThrow(/newer than this version of offers: it has 9999-later/);
  });
});

describe('the migration to wide rate limits', () => {
  const older = useDatabase({ migrated: false });

  it('keeps the counts, and takes a clock after 2038', async () => {
    const { db } = older();
    const before = Object.entries(migrations).filter(([name]) => name < '0009');
    await migrate(db, Object.fromEntries(before));
    await sql`
      insert into rate_limit_usage (key, window_start, count, expires_at)
      values ('old', 1800000000, 7, now() + interval '1 h')`.execute(db);
    await migrate(db);
    const windowStartS = 2 ** 31 + 60;
    const usage = { key: 'new', windowStartS, windowS: 60, count: 2 ** 31 };
    const addUsage = createAddUsage(db, recordingLogger().logger);
    expect(await addUsage([usage])).toEqual([2 ** 31]);
    expect(await addUsage([usage])).toEqual([2 ** 32]);
    const stored = db.selectFrom('rateLimitUsage').select(['windowStart', 'count']);
    expect(await stored.orderBy('windowStart').execute()).toEqual([
      { windowStart: 1_800_000_000, count: 7 },
      { windowStart: windowStartS, count: 2 ** 32 },
    ]);
  });
});

it('no column holds a time or an ever-growing count in 32 bits', async () => {
  const { rows } = await sql<{ column: string }>`
    select table_name || '.' || column_name as column from information_schema.columns
    where table_schema = 'public' and data_type in ('integer', 'smallint')
    order by 1`.execute(database().db);
  expect(rows.map(({ column }) => column)).toEqual([
    'email_jobs.attempts',
    'idempotency_keys.response_status',
    'kysely_migration_lock.is_locked',
    'orders.attempts',
    'orders.term_months',
    'webhook_deliveries.attempts',
    'webhook_deliveries.last_status_code',
  ]);
});

describe('the migration to order events', () => {
  const older = useDatabase({ migrated: false });

  it('writes the past events of existing orders, as far as their rows show', async () => {
    const { db } = older();
    const before = Object.entries(migrations).filter(([name]) => name < '0004');
    await migrate(db, Object.fromEntries(before));
    await sql`
      insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount,
        term_months, attempts, last_error, due_at, decided_at)
      values
        ('order-1', 'zoe', 'PENDING', '2025-07-08T12:30:45.123Z', 'offer2', 'ProviderB', 2.9, 12000,
          null, 2, 'away', now(), null),
        ('order-2', 'zoe', 'APPROVED', '2025-07-08T12:31Z', 'offer2', 'ProviderB', 2.9, 12000,
          36, 1, 'away', null, '2025-07-08T12:32Z'),
        ('order-3', 'zoe', 'FAILED', '2025-07-08T12:33Z', 'offer2', 'ProviderB', 2.9, 12000,
          null, 10, 'away', null, null)`.execute(db);
    await migrate(db);

    const events = await createEventLog(db).page({ after: 0, upTo: 99, limit: 99 });
    for (const { event } of events) orderEventSchema.parse(event);
    const submitted = 'com.loanbuddy.order.checkout_submitted';
    const asItWas = { status: 'PENDING', attempts: 0 };
    expect(events.map(({ event }) => event)).toMatchObject([
      { subject: 'order-1', type: submitted, time: '2025-07-08T12:30:45.123Z', data: asItWas },
      { subject: 'order-2', type: submitted, time: '2025-07-08T12:31:00.000Z', data: asItWas },
      { subject: 'order-3', type: submitted, time: '2025-07-08T12:33:00.000Z', data: asItWas },
      {
        subject: 'order-2',
        type: 'com.loanbuddy.order.approved',
        time: '2025-07-08T12:32:00.000Z',
        data: { status: 'APPROVED', attempts: 1 },
      },
      {
        subject: 'order-3',
        type: 'com.loanbuddy.order.failed',
        data: { status: 'FAILED', attempts: 10 },
      },
    ]);
    const loan = { user_id: 'zoe', loan_id: 'offer2', provider: 'ProviderB', rate: 2.9 };
    for (const { event } of events) {
      expect(event.data).toMatchObject({ ...loan, order_id: event.subject, amount: 12_000 });
    }
    expect(events[0]!.event.data.created_at).toBe('2025-07-08T12:30:45.123Z');
    expect(events.map(({ event }) => event.data.term_months)).toEqual([
      undefined,
      36,
      undefined,
      36,
      undefined,
    ]);
  });
});

describe('the migration to batched events', () => {
  const older = useDatabase({ migrated: false });

  it('writes the events and notifications of older orders, and of statements of older versions', async () => {
    const { db } = older();
    const before = Object.entries(migrations).filter(([name]) => name < '0011');
    await migrate(db, Object.fromEntries(before));
    await sql`insert into webhook_endpoints (id, url, secret) values ('wh-1', 'http://x', 's')`.execute(
      db,
    );
    // Statements of the version before.
    const insert = (id: string) =>
      sql`
        insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount, email, due_at)
        values (${id}, 'zoe', 'PENDING', now(), 'offer2', 'ProviderB', 2.9, 12000, 'zoe@x', now())`.execute(
        db,
      );
    const decide = (id: string) =>
      sql`
        update orders set status = 'APPROVED', decided_at = now(), due_at = null
        where id = ${id} and status = 'PENDING'`.execute(db);
    for (const id of ['order-1', 'order-2']) await insert(id);
    await decide('order-1');
    expect(await migrate(db)).toEqual(['0011-batched-events', '0012-plans-by-key']);
    await insert('order-3');
    for (const id of ['order-2', 'order-3']) await decide(id);

    const events = await createEventLog(db).page({ after: 0, upTo: 99, limit: 99 });
    for (const { event } of events) orderEventSchema.parse(event);
    const [submitted, approved] = ['checkout_submitted', 'approved'];
    expect(
      events.map(({ event }) => [event.subject, event.type.split('.').at(-1), event.data.status]),
    ).toEqual([
      ['order-1', submitted, 'PENDING'],
      ['order-2', submitted, 'PENDING'],
      ['order-1', approved, 'APPROVED'],
      ['order-3', submitted, 'PENDING'],
      ['order-2', approved, 'APPROVED'],
      ['order-3', approved, 'APPROVED'],
    ]);
    const finalIds = events.filter(({ event }) => event.data.status === 'APPROVED');
    const { rows } = await sql<{ deliveries: string[]; emails: string[] }>`
      select array(select id from webhook_deliveries order by seq) as deliveries,
        array(select event_id::text from email_jobs order by seq) as emails`.execute(db);
    expect(rows).toEqual([
      {
        deliveries: finalIds.map(({ event }) => `msg_${event.id.replaceAll('-', '')}`),
        emails: finalIds.map(({ event }) => event.id),
      },
    ]);
  });
});
