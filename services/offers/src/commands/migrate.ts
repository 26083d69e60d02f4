/** `npm run migrate` brings the database's schema up to date, and does nothing else. */
import { createLogger, runCommand } from '@loan-buddy/kit';
import { readDatabaseConfig } from '../config';
import { openDatabase } from '../db/database';
import { migrate } from '../db/migrate';

void runCommand('migrate', async (print) => {
  const config = readDatabaseConfig(process.env);
  const logger = createLogger({ service: 'migrate', level: 'warn' });
  const database = await openDatabase(config, logger);
  try {
    const migrated = await database.withoutStatementTimeout((db) => migrate(db));
    print(migrated.length > 0 ? `done: ${migrated.join(', ')}` : 'nothing to do');
  } finally {
    await database.close();
  }
});
