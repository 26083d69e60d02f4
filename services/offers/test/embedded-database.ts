import { createHash, randomUUID } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { recordingLogger } from '@loan-buddy/kit/testing';
import { embedded, openDatabase, openPglite, type Database } from '../src/db/database';
import { migrate } from '../src/db/migrate';

const CACHE = join(__dirname, '../../../node_modules/.cache/loan-buddy');

const DB = join(__dirname, '../src/db');
/** Sources that determine the content of a new database. */
const SOURCES = [
  'database.ts',
  'migrate.ts',
  ...readdirSync(join(DB, 'migrations')).map((name) => join('migrations', name)),
];

/**
 * Opens an embedded in-memory database. Starts from a cached copy: creating a database takes 4 s of CPU time, loading
 * the copy about 0.7 s.
 */
export async function openInMemory({ migrated }: { migrated: boolean }): Promise<Database> {
  const file = join(CACHE, `${migrated ? 'migrated' : 'empty'}-${digest()}.tar`);
  if (!existsSync(file)) await createCopy(file, migrated);
  const copy = new Blob([readFileSync(file)]);
  return embedded(await openPglite('memory://', copy), recordingLogger().logger);
}

/**
 * Fills a folder with a database of the current schema, as a first start of offers leaves it. Copies a cached one: a
 * first start takes 5 s of CPU time, one on the copy 2 s.
 */
export async function fillFolder(folder: string): Promise<void> {
  const cached = join(CACHE, `folder-${digest()}`);
  if (!existsSync(cached)) await createFolder(cached);
  cpSync(cached, folder, { recursive: true });
}

async function createFolder(folder: string): Promise<void> {
  const part = `${folder}.${randomUUID()}`;
  const options = { DATA_DIR: part, DATABASE_POOL_SIZE: 1, DATABASE_TIMEOUT_MS: 60_000 };
  const database = await openDatabase(options, recordingLogger().logger);
  await migrate(database.db);
  await database.close();
  try {
    renameSync(part, folder);
  } catch {
    // Another test process was faster.
    rmSync(part, { recursive: true });
  }
}

async function createCopy(file: string, migrated: boolean): Promise<void> {
  const pglite = await openPglite('memory://');
  const database = embedded(pglite, recordingLogger().logger);
  if (migrated) await migrate(database.db);
  // Nearly half of the copy: the databases that `create database` copies.
  await pglite.exec('update pg_database set datistemplate = false');
  for (const name of ['template0', 'template1']) await pglite.exec(`drop database ${name}`);
  const copy = await pglite.dumpDataDir('none');
  await database.close();
  // Rename when complete, since other test processes may read it.
  const part = `${file}.${randomUUID()}`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(part, Buffer.from(await copy.arrayBuffer()));
  renameSync(part, file);
}

function digest(): string {
  const hash = createHash('sha256');
  for (const source of SOURCES) hash.update(readFileSync(join(DB, source)));
  hash.update(readFileSync(require.resolve('@electric-sql/pglite')));
  return hash.digest('hex').slice(0, 16);
}
