import { sql } from 'kysely';
import { useService } from './builders';
import { useDatabase } from './database';

const database = useDatabase();
const aService = useService(database);

/** Runs the sweeps; returns how many rows they deleted. */
async function swept() {
  const sendEmail = () => Promise.resolve();
  const { webhooks, emails } = aService({ NOTIFICATION_RETENTION_DAYS: 30, sendEmail });
  const { signal } = new AbortController();
  const counts: [string, number][] = [];
  for (const { rows, sweep } of [...webhooks.sweeps, ...emails.sweeps]) {
    counts.push([rows, await sweep(signal)]);
  }
  return Object.fromEntries(counts);
}

async function idsOf(table: 'webhook_deliveries' | 'email_jobs', id: string) {
  const { rows } = await sql<{ id: string }>`
    select ${sql.ref(id)} as id from ${sql.table(table)} order by 1`.execute(database().db);
  return rows.map((row) => row.id);
}

describe('only rows that ended 30 days ago are deleted', () => {
  it('of the webhook deliveries', async () => {
    const { db } = database();
    await sql`
      insert into webhook_endpoints (id, url, secret)
      values ('wh-1', 'https://example.com', 'x')`.execute(db);
    await sql`
      insert into webhook_deliveries
        (endpoint_id, id, type, time, data, status, due_at, created_at, last_attempt_at)
      select 'wh-1', status || ' ' || days, 'x', now(), '{}', status,
        case status when 'pending' then now() end,
        now() - interval '99 days', now() - days * interval '1 day'
      from unnest(array['pending', 'succeeded', 'failed']) status,
        unnest(array[29.99, 30]) days`.execute(db);
    expect(await swept()).toEqual({ 'webhook deliveries': 2, 'e-mail jobs': 0 });
    expect(await idsOf('webhook_deliveries', 'id')).toEqual([
      'failed 29.99',
      'pending 29.99',
      'pending 30',
      'succeeded 29.99',
    ]);
  });

  it('of the e-mail jobs', async () => {
    const { db } = database();
    await sql`
      insert into email_jobs
        (event_id, order_id, type, data, status, due_at, created_at, finished_at)
      select gen_random_uuid(), status || ' ' || days, 'x', '{}', status,
        case status when 'pending' then now() end, now() - interval '99 days',
        case when status <> 'pending' then now() - days * interval '1 day' end
      from unnest(array['pending', 'sent', 'failed', 'skipped']) status,
        unnest(array[29.99, 30]) days`.execute(db);
    expect(await swept()).toEqual({ 'webhook deliveries': 0, 'e-mail jobs': 3 });
    expect(await idsOf('email_jobs', 'order_id')).toEqual([
      'failed 29.99',
      'pending 29.99',
      'pending 30',
      'sent 29.99',
      'skipped 29.99',
    ]);
  });
});
