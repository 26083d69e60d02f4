import { sql } from 'kysely';
import { useDatabase } from '../../test/database';
import { deleteInBatches, expired } from './delete-in-batches';

const database = useDatabase();

it('deletes all expired rows, however many, and no others', async () => {
  const { db } = database();
  await sql`
    insert into rate_limit_usage (key, window_start, count, expires_at)
    select 'client ' || i, 0, 1, now() - interval '1 s' from generate_series(1, 20001) i`.execute(
    db,
  );
  await sql`
    insert into rate_limit_usage (key, window_start, count, expires_at)
    values ('client', 0, 1, now() + interval '1 h')`.execute(db);
  expect(await deleteInBatches(db, 'rate_limit_usage', { where: expired })).toBe(20_001);
  expect(await db.selectFrom('rate_limit_usage').select('key').execute()).toEqual([
    { key: 'client' },
  ]);
});

it('starts no further batch once the signal aborts', async () => {
  const { db } = database();
  const signal = AbortSignal.abort();
  const where = sql<boolean>`true`;
  expect(await deleteInBatches(db, 'rate_limit_usage', { where, signal })).toBe(0);
  expect(await db.selectFrom('rate_limit_usage').select('key').execute()).toHaveLength(1);
});
