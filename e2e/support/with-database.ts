import { recordingLogger } from '@loan-buddy/kit/testing';
import { openDatabase, type Database } from '../../services/offers/src/db/database';

/** Opens the database of an environment of offers, for as long as `work` takes. No service may use a folder meanwhile. */
export async function withDatabase<T>(
  storage: NodeJS.ProcessEnv,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(
    {
      DATABASE_URL: storage['DATABASE_URL'] === '' ? undefined : storage['DATABASE_URL'],
      DATA_DIR: storage['DATA_DIR'] ?? '',
      DATABASE_POOL_SIZE: 2,
      DATABASE_TIMEOUT_MS: 3_600_000,
    },
    recordingLogger().logger,
  );
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
