import { sql } from 'kysely';
import { useDatabase } from '../../test/database';
import { createQueue } from './queue';

const database = useDatabase();

it('finds a job among many by its key, without reading the others', async () => {
  const { db } = database();
  await sql`insert into webhook_endpoints (id, url, secret, enabled) values ('a', 'http://x', 's', true)`.execute(
    db,
  );
  await sql`
    insert into webhook_deliveries (endpoint_id, id, type, time, data)
    select 'a', n::text, 'type', now(), '{}' from generate_series(1, 2000) n`.execute(db);
  const read = await db.transaction().execute(async (trx) => {
    const queue = createQueue(trx, {
      table: 'webhookDeliveries',
      key: ['endpointId', 'id', 'attempts'],
      dueAt: 'dueAt',
      pending: sql`status = 'pending'`,
    });
    const job = { endpointId: 'a', id: '1000', attempts: 0 };
    expect(await queue.finish([job], { status: 'succeeded' })).toHaveLength(1);
    const { rows } = await sql<{ count: number }>`
      select seq_tup_read + idx_tup_fetch as count from pg_stat_xact_user_tables
      where relname = 'webhook_deliveries'`.execute(trx);
    return rows[0]!.count;
  });
  expect(read).toBeLessThan(10);
});
