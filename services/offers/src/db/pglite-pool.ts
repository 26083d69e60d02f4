import { setImmediate as turn } from 'node:timers/promises';
import type { PGlite } from '@electric-sql/pglite';
import { inSpan, statementSummary } from '@loan-buddy/kit/telemetry';
import { trace } from '@opentelemetry/api';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { rethrow, sqlState } from './unavailable';

/** Longest time to block the event loop: PGlite runs on this thread. */
const MAX_STRETCH_MS = 10;

/**
 * Wraps PGlite as a pool of one. PGlite has a single session, so one caller at a time has the whole database and the
 * others queue, which isolates transactions.
 *
 * @param onBroken called if PGlite itself fails, not just a statement: it is then unusable
 */
export function createPglitePool(pglite: PGlite, onBroken: (error: unknown) => void): PostgresPool {
  let last: Promise<void> = Promise.resolve();
  let turnedAt = performance.now();

  const query = async (text: string, values: readonly unknown[]) => {
    try {
      const { rows, affectedRows } = await inStatementSpan(text, () =>
        pglite.query<never>(text, [...values]),
      );
      const command = affectedRows === undefined ? 'SELECT' : 'UPDATE';
      return { rows, rowCount: affectedRows ?? rows.length, command };
    } catch (error) {
      if (sqlState(error) === undefined && !pglite.closed) onBroken(error);
      return rethrow(error);
    }
  };

  return {
    connect: async () => {
      const before = last;
      let release!: () => void;
      last = new Promise((resolve) => (release = resolve));
      await before;
      // Queued callers wake each other in microtasks, which would starve the event loop.
      if (performance.now() - turnedAt > MAX_STRETCH_MS) {
        await turn();
        turnedAt = performance.now();
      }
      return { query: query as unknown as PostgresPoolClient['query'], release };
    },
    end: async () => {
      await last;
      await pglite.close();
    },
  };
}

/** As the instrumentation of `pg` does. */
function inStatementSpan<Result>(text: string, work: () => Promise<Result>): Promise<Result> {
  if (!trace.getActiveSpan()) return work();
  const summary = statementSummary(text);
  const attributes = {
    'db.system.name': 'postgresql',
    'db.query.summary': summary,
    'db.query.text': text,
  };
  return inSpan(summary, { kind: 'CLIENT', attributes }, work);
}
