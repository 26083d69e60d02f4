import { recordingLogger } from '@loan-buddy/kit/testing';
import { waitForServer } from './wait-for-server';

const failure = (code: string) => Object.assign(new Error('away'), { code });

it.each(['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ETIMEDOUT', '57P01', '53300'])(
  'retries after %s',
  async (code) => {
    const { logger, lines } = recordingLogger();
    const attempt = jest.fn<Promise<string>, []>().mockRejectedValueOnce(failure(code));
    attempt.mockResolvedValue('done');
    expect(await waitForServer(attempt, 60_000, logger)).toBe('done');
    expect(lines).toMatchObject([
      { level: 'warn', msg: 'waiting for the database', err: { code } },
    ]);
  },
);

it.each([
  'server login has been failing, cached error: connect failed (server_login_retry)',
  'server login failed: FATAL the database system is starting up',
  'pgbouncer cannot connect to server',
  'query_wait_timeout',
  'no more connections allowed (max_client_conn)',
])('retries while PgBouncer has no server: %s', async (message) => {
  const { logger } = recordingLogger();
  const error = Object.assign(new Error(message), { code: '08P01' });
  const attempt = jest.fn<Promise<string>, []>().mockRejectedValueOnce(error);
  attempt.mockResolvedValue('done');
  expect(await waitForServer(attempt, 60_000, logger)).toBe('done');
});

it.each(['28P01', '3D000', '08P01', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'ENOENT'])(
  'does not retry after %s',
  async (code) => {
    const { logger, lines } = recordingLogger();
    const attempt = jest.fn(() => Promise.reject(failure(code)));
    await expect(waitForServer(attempt, 60_000, logger)).rejects.toThrow('away');
    expect(attempt).toHaveBeenCalledTimes(1);
    expect(lines).toEqual([]);
  },
);

it('gives up after the wait, and logs every 5 s until then', async () => {
  const times = [0, 2500, 5000, 7500, 10_000];
  jest.spyOn(performance, 'now').mockImplementation(() => times.shift()!);
  const { logger, lines } = recordingLogger();
  const attempt = jest.fn(() => Promise.reject(failure('ECONNREFUSED')));
  await expect(waitForServer(attempt, 10_000, logger)).rejects.toThrow('away');
  expect(attempt).toHaveBeenCalledTimes(4);
  expect(lines).toMatchObject([{ remainingMs: 7500 }, { remainingMs: 2500 }]);
});
