import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeUnless } from '@loan-buddy/kit/testing';
import {
  createServerDatabase,
  testServer,
  withoutServer,
} from '../../services/offers/test/database';
import { atEnd } from './at-end';
import { newEmptyFolder, newFolder } from './data-folder';
import { freePort } from './free-port';
import { root } from './service-process';

/** The storage of the orders in these tests: a PostgreSQL server if the run has one. */
export const storageName = testServer === undefined ? 'the embedded database' : 'PostgreSQL';

/** `describe` for tests that need a PostgreSQL server. */
export const describeWithServer = describeUnless(withoutServer);

/** `describe` for tests that do not depend on the storage: they run only with the embedded database. */
export const describeOnce = describeUnless(
  testServer === undefined ? undefined : 'the same on every database, and run on the embedded one',
);

/** Returns the environment of offers for a storage without orders: a folder, or a database on the server. */
export async function newStorage(): Promise<NodeJS.ProcessEnv> {
  if (testServer !== undefined) return { DATABASE_URL: await newServerDatabase() };
  return newFolder();
}

/** Like {@link newStorage}, but without tables. */
export async function newEmptyStorage(): Promise<NodeJS.ProcessEnv> {
  return testServer === undefined ? newEmptyFolder() : { DATABASE_URL: await newServerDatabase() };
}

/** Creates an empty database on the server. Returns its URL. */
export async function newServerDatabase(): Promise<string> {
  const { url, drop } = await createServerDatabase(testServer!);
  atEnd(drop);
  return url;
}

/** Starts a separate server that the test can stop and start. */
export async function ownServer() {
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  chmodSync(folder, 0o755);
  const data = join(folder, 'data');
  const port = String(await freePort());
  const run = (...args: string[]) =>
    execFileSync(join(root, '.ci', 'postgres'), args, { encoding: 'utf8' }).trim();
  const url = run('start', data, port);
  const server = {
    url,
    start: () => run('start', data, port),
    stop: () => run('stop', data, 'immediate'),
  };
  atEnd(() => {
    try {
      server.stop();
    } catch {
      // It was stopped already.
    }
    rmSync(folder, { recursive: true });
  });
  return server;
}
