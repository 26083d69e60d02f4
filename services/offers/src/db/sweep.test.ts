import { recordingLogger } from '@loan-buddy/kit/testing';
import { sql } from 'kysely';
import { useDatabase } from '../../test/database';
import { deleteInBatches, expired, startSweeps } from './sweep';

const database = useDatabase();

describe('deleteInBatches', () => {
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
    expect(await deleteInBatches(db, 'rateLimitUsage', { where: expired })).toBe(20_001);
    expect(await db.selectFrom('rateLimitUsage').select('key').execute()).toEqual([
      { key: 'client' },
    ]);
  });

  it('starts no further batch once the signal aborts', async () => {
    const { db } = database();
    const signal = AbortSignal.abort();
    const where = sql<boolean>`true`;
    expect(await deleteInBatches(db, 'rateLimitUsage', { where, signal })).toBe(0);
    expect(await db.selectFrom('rateLimitUsage').select('key').execute()).toHaveLength(1);
  });
});

describe('startSweeps', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('runs all sweeps every minute, despite failures, until stopped', async () => {
    const { logger, lines } = recordingLogger();
    const sweep = jest.fn<Promise<number>, []>();
    sweep.mockResolvedValueOnce(3).mockRejectedValueOnce(new Error('away')).mockResolvedValue(0);
    const other = jest.fn<Promise<number>, []>().mockResolvedValueOnce(0).mockResolvedValueOnce(2);
    const sweeps = [
      { rows: 'keys', sweep },
      { rows: 'jobs', sweep: other.mockResolvedValue(0) },
    ];
    const stop = startSweeps(sweeps, logger);
    await jest.advanceTimersByTimeAsync(180_000);
    await stop();
    await jest.advanceTimersByTimeAsync(180_000);
    expect(sweep).toHaveBeenCalledTimes(3);
    expect(other).toHaveBeenCalledTimes(3);
    expect(lines).toMatchObject([
      { level: 'info', rows: 'keys', deleted: 3 },
      { level: 'warn', rows: 'keys' },
      { level: 'info', rows: 'jobs', deleted: 2 },
    ]);
  });

  it('never runs two sweeps at once, and aborts a running one on stop', async () => {
    const { logger, lines } = recordingLogger();
    const sweep = jest.fn(
      (signal: AbortSignal) =>
        new Promise<number>((resolve) => {
          signal.addEventListener('abort', () => {
            resolve(1);
          });
        }),
    );
    const stop = startSweeps([{ rows: 'keys', sweep }], logger);
    await jest.advanceTimersByTimeAsync(180_000);
    expect(sweep).toHaveBeenCalledTimes(1);
    await stop();
    expect(lines).toMatchObject([{ level: 'info', rows: 'keys', deleted: 1 }]);
  });
});
