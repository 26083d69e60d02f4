import { createLogger } from '@loan-buddy/kit/telemetry';
import { readDatabaseConfig } from '../config';
import { openMigratedDatabase } from '../context';
import { FolderInUseError } from '../db/folder-lock';

type Opened = Awaited<ReturnType<typeof openMigratedDatabase>>;

/**
 * Opens the database that the environment names, brings it up to date, and closes it after the work.
 *
 * @param requests `curl` commands that do the same through a service that uses the embedded database
 * @param waitMs how long to wait for a server that is not there yet; by default, an operator sees at once that it is not
 */
export async function withDatabase<Result>(
  command: string,
  requests: readonly string[],
  work: (opened: Opened) => Promise<Result>,
  waitMs = 0,
): Promise<Result> {
  // Not on stdout: an export goes there.
  const logger = createLogger({ service: command, level: 'warn', to: process.stderr });
  const config = { ...readDatabaseConfig(process.env), waitMs };
  const opened = await openMigratedDatabase(config, logger).catch((error: unknown) => {
    if (!(error instanceof FolderInUseError) || requests.length === 0) throw error;
    const lines = [`${error.message}. Stop it first, or ask the running service:`, ...requests];
    throw new FolderInUseError(lines.join('\n  '), { cause: error });
  });
  return work(opened).finally(opened.database.close);
}
