import { StartError } from '@loan-buddy/kit/process';
import { Migrator, sql, type Kysely } from 'kysely';
import { migrations as ownMigrations } from './migrations';
import type { Tables } from './tables';

export class MigrationError extends StartError {
  readonly code = 'migration-failed';
}

/**
 * Migrates the schema in one transaction. Several processes may call this at once: an advisory lock lets one migrate,
 * and the others find it done.
 *
 * @returns the names of the migrations that ran
 * @throws {MigrationError} if a migration fails (all are rolled back), if the schema is newer than this code, or if the
 * role may not use it.
 */
export async function migrate(
  db: Kysely<Tables>,
  migrations = ownMigrations,
): Promise<readonly string[]> {
  await refuseWithoutRights(db);
  await refuseNewer(db, migrations);
  const provider = { getMigrations: () => Promise.resolve({ ...migrations }) };
  // Otherwise, it would look for its tables in all schemas.
  const { rows } = await sql<{ schema: string | null }>`
    select current_schema() as schema`.execute(db);
  const schema = rows[0]!.schema;
  if (schema === null) throw new MigrationError('the role may use no schema of search_path');
  const migrator = new Migrator({ db, provider, migrationTableSchema: schema });
  const { error, results = [] } = await migrator.migrateToLatest();
  if (error === undefined) return results.map(({ migrationName }) => migrationName);
  const failed = results.find(({ status }) => status === 'Error');
  const what = failed ? `migration ${failed.migrationName}` : 'preparing the migrations';
  const reason = error instanceof Error ? error.message : JSON.stringify(error);
  throw new MigrationError(`${what} failed: ${reason}`, { cause: error });
}

/** Otherwise, it would be ready, and every request would fail. */
async function refuseWithoutRights(db: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ role: string; names: string[] }>`
    select current_user as role, array_agg(c.relname::text order by c.relname) as names
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = current_schema() and c.relkind = 'r' and case
      when c.relname = 'kysely_migration' then not has_table_privilege(c.oid, 'select')
      when c.relname in ('orders', 'order_events', 'webhook_endpoints', 'webhook_deliveries',
        'email_jobs', 'idempotency_keys', 'rate_limit_usage')
      then not (has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
        and has_table_privilege(c.oid, 'update'))
    end
    having count(*) > 0`.execute(db);
  const [denied] = rows;
  if (denied === undefined) return;
  const { role, names } = denied;
  throw new MigrationError(`the role ${role} has no rights to the tables ${names.join(', ')}`);
}

async function refuseNewer(db: Kysely<Tables>, known: object): Promise<void> {
  const { rows } = await sql<{ done: string | null }>`
    select to_regclass('kysely_migration')::text as done`.execute(db);
  if (rows[0]?.done == null) return;
  const done = await sql<{ name: string }>`select name from kysely_migration`.execute(db);
  const unknown = done.rows.map(({ name }) => name).filter((name) => !(name in known));
  if (unknown.length === 0) return;
  throw new MigrationError(
    `the database's schema is newer than this version of offers: it has ${unknown.join(', ')}; run a newer version`,
  );
}
