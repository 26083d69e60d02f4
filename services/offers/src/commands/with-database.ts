import { createLogger } from '@loan-buddy/kit/telemetry';
import { readDatabaseConfig } from '../config';
import { openMigratedDatabase } from '../context';

type Opened = Awaited<ReturnType<typeof openMigratedDatabase>>;

/** Opens the database that the environment names, brings it up to date, and closes it after the work. */
export async function withDatabase<Result>(
  command: string,
  work: (opened: Opened) => Promise<Result>,
): Promise<Result> {
  const logger = createLogger({ service: command, level: 'warn' });
  const opened = await openMigratedDatabase(readDatabaseConfig(process.env), logger);
  return work(opened).finally(opened.database.close);
}
