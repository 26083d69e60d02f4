import { setImmediate as turn } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import { createPgConfig } from '@electric-sql/pglite/node-postgres';
import type { PostgresPool } from 'kysely';
import { Pool } from 'pg';
import { guardClient } from './pool-client';
import { rethrow } from './unavailable';

/** Longest time to block the event loop: PGlite runs on this thread. */
const MAX_STRETCH_MS = 10;

/** Messages of a client after which the database is ready for the next statement: Query and Sync (protocol 3.0). */
const ENDING = ['Q', 'S'].map((type) => type.charCodeAt(0));

/** PGlite for its adapter, which would wait for ever if PGlite fails in the middle of a statement: that is an error. */
function checked(pglite: PGlite): PGlite {
  const exec: PGlite['execProtocolStream'] = async (message, options) => {
    const responses = await pglite.execProtocolStream(message, options);
    if (ENDING.includes(message[0]!) && !responses.some(({ name }) => name === 'readyForQuery')) {
      const cause = responses.find(({ name }) => name === 'error');
      throw new Error('the embedded database is not ready for another statement', { cause });
    }
    return responses;
  };
  return { waitReady: pglite.waitReady, execProtocolStream: exec } as unknown as PGlite;
}

/**
 * Wraps PGlite as a pool of one. PGlite has a single session, so one caller at a time has the whole database and the
 * others queue, which isolates transactions.
 *
 * @param onBroken called if PGlite itself fails, not just a statement: it is then unusable
 */
export function createPglitePool(pglite: PGlite, onBroken: (error: unknown) => void): PostgresPool {
  // Never disconnected, because the adapter cannot connect again while messages are on their way. The adapter's own host
  // is localhost, where traces would show a server.
  const settings = { max: 1, idleTimeoutMillis: 0, host: 'embedded' };
  const pool = new Pool(Object.assign(createPgConfig(checked(pglite)), settings));
  // A failure of PGlite itself: an error of a statement is only that statement's.
  pool.on('connect', (client) => {
    client.on('error', onBroken);
  });
  let turnedAt = performance.now();

  return {
    connect: async () => {
      const client = await pool.connect().catch(rethrow);
      // Queued callers wake each other in microtasks, which would starve the event loop.
      if (performance.now() - turnedAt > MAX_STRETCH_MS) {
        await turn();
        turnedAt = performance.now();
      }
      const release = () => {
        client.release();
      };
      return { ...guardClient(client), release };
    },
    end: async () => {
      // After all that wait for the session: `end` would leave them waiting.
      (await pool.connect()).release();
      await pool.end();
      await pglite.close();
    },
  };
}
