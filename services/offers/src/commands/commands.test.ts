import { until } from '@loan-buddy/kit/testing';
import { migrations } from '../db/migrations';

/** Runs a command in this process, on an empty in-memory database, until it has printed exactly what is expected. */
async function expectPrinted(expected: RegExp, command: string, ...args: string[]): Promise<void> {
  let printed = '';
  const print = (text: unknown) => {
    printed += String(text);
    return true;
  };
  jest.spyOn(process.stdout, 'write').mockImplementation(print);
  jest.spyOn(process.stderr, 'write').mockImplementation(print);
  jest.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  jest.replaceProperty(process, 'argv', ['node', 'command', ...args]);
  jest.replaceProperty(process, 'env', { DATABASE_URL: 'memory:' });
  jest.requireActual(command);
  await until(() => expected.test(printed)).catch(() => undefined);
  expect(printed).toMatch(expected);
}

describe('the commands', () => {
  it('migrate prints what it did', async () => {
    const names = Object.keys(migrations).join(', ');
    await expectPrinted(new RegExp(`^done: ${names}\n$`), './migrate');
  });

  it('providers checks the configured providers', async () => {
    const table = /^provider +outcome[^]*\nProviderC +ok .*\n$/;
    await expectPrinted(table, './providers', 'check');
  });

  it('events exports the events', async () => {
    const rows = /^id,subject,source,.*\r\n0 events; continue with --after 0\n$/;
    await expectPrinted(rows, './events', 'export', '--format', 'csv');
  });

  it('orders erases a user', async () => {
    const counts = /^pseudonym: none\norders: 0\n[^]*rate limits: 0\n$/;
    await expectPrinted(counts, './orders', 'erase-user', 'cristina');
    // The next test runs the same command again.
    jest.resetModules();
  });

  it('orders lists failed orders', async () => {
    await expectPrinted(/^0 failed\n$/, './orders', 'list-failed');
  });
});
