import { StartError } from '@loan-buddy/kit/process';
import { Client, escapeLiteral, type ClientConfig, type QueryResult } from 'pg';

export class DatabaseStartError extends StartError {
  readonly code = 'database-start-failed';
}

/** The oldest version of PostgreSQL with all that offers uses. */
const OLDEST = 13;

/**
 * What offers needs, whatever the server, the database, the role, PGOPTIONS or the URL set. Of each setting, all values
 * will do, and the first is set if none of them is. Settings that the server's version does not know are skipped.
 */
const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  // How values are written and read.
  client_encoding: ['UTF8'],
  datestyle: ['ISO, MDY', 'ISO, DMY', 'ISO, YMD'],
  intervalstyle: ['postgres'],
  timezone: ['UTC'],
  extra_float_digits: ['1', '2', '3'],
  bytea_output: ['hex'],
  standard_conforming_strings: ['on'],
  array_nulls: ['on'],
  transform_null_equals: ['off'],
  // What a commit means. `remote_write` and less may lose an order that a client knows.
  default_transaction_isolation: ['read committed'],
  default_transaction_read_only: ['off'],
  default_transaction_deferrable: ['off'],
  synchronous_commit: ['on', 'remote_apply'],
  // Triggers write the events.
  session_replication_role: ['origin'],
  row_security: ['on'],
  exit_on_error: ['off'],
  // How long things may take: `statement_timeout` decides.
  lock_timeout: ['0'],
  transaction_timeout: ['0'],
  idle_session_timeout: ['0'],
  idle_in_transaction_session_timeout: ['0'],
};

/** Sets all {@link SETTINGS} that differ: a role may not set each of them, even to the same value. */
export function settingsSql(
  own: { schema: string; statementTimeoutMs?: number | undefined },
  scope: 'session' | 'local' = 'session',
): string {
  const isLocal = scope === 'local';
  const schema = `"${own.schema.replaceAll('"', '""')}"`;
  const each = Object.entries({ ...SETTINGS, search_path: [schema] }).map(
    ([name, values]) =>
      `case when current_setting('${name}', true) not in (${values.map(escapeLiteral).join(', ')})
        then set_config('${name}', ${escapeLiteral(values[0]!)}, ${String(isLocal)}) end`,
  );
  // First and on its own: the others may take longer than the timeout that they find.
  return `set ${scope} statement_timeout = ${String(own.statementTimeoutMs ?? 0)};
    select ${each.join(', ')}`;
}

/** What offers must know about a server before it uses it. */
export interface Server {
  /** Where the tables are. */
  schema: string;
  /** Whether each transaction may get another session, as behind PgBouncer in transaction mode. */
  sharesSessions: boolean;
}

/**
 * Connects twice and takes turns: without a pooler, each connection keeps its own session.
 *
 * @throws {DatabaseStartError} if offers cannot work with the server.
 */
export async function inspectServer(config: ClientConfig): Promise<Server> {
  const [one, other] = [new Client(config), new Client(config)];
  let lost: unknown;
  try {
    for (const client of [one, other]) {
      client.on('error', (error) => {
        lost ??= error;
      });
    }
    // At once: an idle session may end soon.
    await Promise.all([one.connect(), other.connect()]);
    const pids = [];
    for (const client of [one, other, one, other]) {
      pids.push((await read<{ pid: number }>(client, 'select pg_backend_pid() as pid')).pid);
    }
    const sharesSessions = pids[0] !== pids[2] || pids[1] !== pids[3] || pids[0] === pids[1];
    return { schema: schemaOf(await read<Facts>(one, FACTS)), sharesSessions };
  } catch (error) {
    // Why the server ended the session: a query after that fails without a reason.
    throw lost ?? error;
  } finally {
    // Not awaited: a frozen server would never confirm it.
    for (const client of [one, other]) client.end().catch(() => undefined);
  }
}

/** Returns the only row of a query, which may take longer than the server allows by default. */
async function read<Row>(client: Client, query: string): Promise<Row> {
  const results: unknown = await client.query(`set local statement_timeout = 0; ${query}`);
  return (results as QueryResult[])[1]!.rows[0] as Row;
}

interface Facts {
  version: number;
  encoding: string;
  standby: boolean;
  path: string[];
  pathSource: string;
  installed: string[];
}

/** `installed`: schemas with the tables of offers, those on the search path first. */
const FACTS = `
  select current_setting('server_version_num')::int as version,
    current_setting('server_encoding') as encoding,
    pg_is_in_recovery() as standby,
    current_schemas(false)::text[] as path,
    (select source from pg_settings where name = 'search_path') as "pathSource",
    array(
      select n.nspname::text from pg_namespace n
      where has_schema_privilege(n.oid, 'usage') and 2 = (
        select count(*) from pg_class c
        where c.relnamespace = n.oid and c.relname in ('kysely_migration', 'orders') and c.relkind = 'r')
      order by array_position(current_schemas(false), n.nspname)
    ) as installed`;

function schemaOf({ version, encoding, standby, path, pathSource, installed }: Facts): string {
  const refuse = (reason: string) =>
    new DatabaseStartError(`the database at DATABASE_URL ${reason}`);
  if (version < OLDEST * 10_000) throw refuse(`is older than PostgreSQL ${String(OLDEST)}`);
  if (encoding !== 'UTF8') throw refuse(`has the encoding ${encoding}; create it with UTF8`);
  if (standby) throw refuse('is a read-only standby; use the server that it follows');
  const [first] = installed;
  const named = path.find((schema) => !schema.startsWith('pg_'));
  if (first !== undefined && path.includes(first)) return first;
  // The URL names the schema: this may be a second installation, with tables of its own.
  if (first === undefined || (named !== undefined && pathSource === 'client')) {
    return named ?? 'public';
  }
  // A setting of the database or the server must not hide the tables. A setting of the role may ask for new ones.
  if (installed.length === 1 && (named === undefined || !pathSource.includes('user'))) return first;
  throw refuse(
    `has tables of offers in ${installed.join(', ')}, but search_path leads to ${named ?? 'no schema'}; name one in the URL: ?options=-c%20search_path%3D${first}`,
  );
}
