/** `npm run migrate` brings the database's schema up to date. */
import { runCommand, UsageError } from '@loan-buddy/kit/process';
import { DATABASE_WAIT_MS } from '../db/wait-for-server';
import { withDatabase } from './with-database';

const usage = `usage: npm run migrate
Brings the schema of the database up to date. Uses DATABASE_URL, else the embedded database in DATA_DIR.
Waits up to two minutes for a server that is not there yet.`;

void runCommand({
  name: 'migrate',
  usage,
  readsEnv: true,
  run: async ({ positionals, print }) => {
    if (positionals.length > 0) throw new UsageError('migrate takes no arguments');
    // A container's first process ignores a signal without a listener.
    for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(1));
    const getMigrated = ({ migrated }: { migrated: readonly string[] }) =>
      Promise.resolve(migrated);
    const migrated = await withDatabase('migrate', [], getMigrated, DATABASE_WAIT_MS);
    print(migrated.length > 0 ? `done: ${migrated.join(', ')}` : 'nothing to do');
  },
});
