import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@loan-buddy/kit/testing';
import { fillFolder } from '../../test/embedded-database';
import { migrations } from '../db/migrations';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** Returns the environment for a migrated database without orders. */
async function aDatabase() {
  const folder = mkdtempSync(join(tmpdir(), 'commands-'));
  folders.push(folder);
  await fillFolder(folder);
  return { DATA_DIR: folder };
}

/** Runs a command in this process until it has printed exactly what is expected. */
async function expectPrinted(
  expected: RegExp,
  env: Record<string, string>,
  command: string,
  ...args: string[]
): Promise<void> {
  let printed = '';
  const print = (text: unknown) => {
    printed += String(text);
    return true;
  };
  jest.spyOn(process.stdout, 'write').mockImplementation(print);
  jest.spyOn(process.stderr, 'write').mockImplementation(print);
  jest.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  jest.replaceProperty(process, 'argv', ['node', 'command', ...args]);
  jest.replaceProperty(process, 'env', env);
  jest.requireActual(command);
  await until(() => expected.test(printed)).catch(() => undefined);
  expect(printed).toMatch(expected);
}

describe('the commands', () => {
  it('migrate prints what it did', async () => {
    const names = Object.keys(migrations).join(', ');
    const done = new RegExp(`^done: ${names}\n$`);
    await expectPrinted(done, { DATABASE_URL: 'memory:' }, './migrate');
  });

  it('providers checks the configured providers', async () => {
    const table = /^provider +outcome[^]*\nProviderC +ok .*\n$/;
    await expectPrinted(table, {}, './providers', 'check');
  });

  it('events exports the events', async () => {
    const rows = /^id,subject,source,.*\r\n0 events; continue with --after 0\n$/;
    await expectPrinted(rows, await aDatabase(), './events', 'export', '--format', 'csv');
  });

  it('orders erases a user', async () => {
    const counts = /^pseudonym: none\norders: 0\n[^]*rate limits: 0\n$/;
    await expectPrinted(counts, await aDatabase(), './orders', 'erase-user', 'cristina');
    // The next test runs the same command again.
    jest.resetModules();
  });

  it('orders lists failed orders', async () => {
    await expectPrinted(/^0 failed\n$/, await aDatabase(), './orders', 'list-failed');
  });
});
