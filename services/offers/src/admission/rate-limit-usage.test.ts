import { recordingLogger } from '@loan-buddy/kit/testing';
import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';
import { createAddUsage } from './rate-limit-usage';
import type { Tables } from '../db/tables';

/** A database that only records statements and their values. */
function recordingDatabase() {
  const statements: { sql: string; parameters: readonly unknown[] }[] = [];
  const db = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (own) => new PostgresIntrospector(own),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    log: ({ query }) => {
      statements.push(query);
    },
  });
  return { db, statements };
}

describe('createAddUsage', () => {
  it('writes rows in a fixed order, so that replicas cannot deadlock', async () => {
    const usages = [60, 0, 120].flatMap((windowStartS) =>
      ['a', 'b', 'c'].map((key) => ({ key, windowStartS, windowS: 60, count: 1 })),
    );
    const written: unknown[] = [];
    for (const given of [usages, [...usages].reverse()]) {
      const { db, statements } = recordingDatabase();
      await createAddUsage(db, recordingLogger().logger)(given);
      const insert = statements.find(({ sql }) => sql.startsWith('insert'))!;
      expect(insert.parameters).toHaveLength(4 * usages.length);
      written.push(insert.parameters);
    }
    expect(written[1]).toEqual(written[0]);
  });
});
