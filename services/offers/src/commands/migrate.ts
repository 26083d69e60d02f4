/** `npm run migrate` brings the database's schema up to date. */
import { runCommand, UsageError } from '@loan-buddy/kit/process';
import { withDatabase } from './with-database';

const usage = `usage: npm run migrate
Brings the schema of the database up to date. Uses DATABASE_URL, else the embedded database in DATA_DIR.`;

void runCommand({
  name: 'migrate',
  usage,
  run: async ({ positionals, print }) => {
    if (positionals.length > 0) throw new UsageError('migrate takes no arguments');
    const migrated = await withDatabase('migrate', [], (opened) =>
      Promise.resolve(opened.migrated),
    );
    print(migrated.length > 0 ? `done: ${migrated.join(', ')}` : 'nothing to do');
  },
});
