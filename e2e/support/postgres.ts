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
import { freePort } from './free-port';
import { atEnd } from './opened';
import { root } from './service-process';

/** What the orders of these tests are kept in: a real server where there is one to test with. */
export const storageName = testServer === undefined ? 'the embedded database' : 'PostgreSQL';

/** `describe` for what needs a PostgreSQL server. */
export const describeWithServer = describeUnless(withoutServer);

/** `describe` for what the storage makes no difference to: it is tested once, with the embedded database. */
export const describeOnce = describeUnless(
  testServer === undefined ? undefined : 'the same on every database, and run on the embedded one',
);

/** A new empty place for orders, as the environment of offers: its folder, or a database on the server. */
export async function newStorage(): Promise<NodeJS.ProcessEnv> {
  if (testServer !== undefined) return { DATABASE_URL: await newServerDatabase() };
  const folder = mkdtempSync(join(tmpdir(), 'offers-'));
  atEnd(() => {
    rmSync(folder, { recursive: true });
  });
  return { DATABASE_URL: '', DATA_DIR: folder };
}

/** The URL of a new empty database on the server. */
export async function newServerDatabase(): Promise<string> {
  const { url, drop } = await createServerDatabase(testServer!);
  atEnd(drop);
  return url;
}

/** A server of one's own, to be stopped and started. */
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
