import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@loan-buddy/kit/telemetry';

/**
 * How long a start waits for a server that is not there yet: as long as a new pod may take to get a volume and an
 * image. The chart's startup probe allows this, and a minute for the migrations.
 */
export const DATABASE_WAIT_MS = 120_000;
const PAUSE_MS = 500;
const LOG_INTERVAL_MS = 5000;

/**
 * Codes of a server that does not exist, cannot be reached or does not respond yet; and SQLSTATEs of one that starts,
 * stops or has no free connection.
 */
const NOT_YET = [
  ...['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'],
  ...['EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT'],
  ...['57P01', '57P02', '57P03', '53300'],
];
/** What pg reports without a code if the server does not respond, or closes the connection. */
const SILENCE = /^(timeout expired|Query read timeout|Connection terminated unexpectedly)$/;
/** What PgBouncer reports, with one code for all its errors, if its server is not there yet or has no free connection. */
const PGBOUNCER =
  /^(server login (has been failing|failed)|pgbouncer cannot connect to server|query_wait_timeout|no more connections allowed)/;

/** Retries while the server is not there yet, for `waitMs`, and logs that. Any other error is thrown at once. */
export async function waitForServer<Result>(
  attempt: () => Promise<Result>,
  waitMs: number,
  logger: Logger,
): Promise<Result> {
  const endsAt = performance.now() + waitMs;
  let logAt = 0;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const now = performance.now();
      if (!isNotThereYet(error) || now >= endsAt) throw error;
      if (now >= logAt) {
        logAt = now + LOG_INTERVAL_MS;
        const remainingMs = Math.round(endsAt - now);
        logger.warn({ err: error, remainingMs }, 'waiting for the database');
      }
      await sleep(PAUSE_MS);
    }
  }
}

function isNotThereYet(error: unknown): boolean {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return NOT_YET.includes(code) || SILENCE.test(message) || PGBOUNCER.test(message);
}
