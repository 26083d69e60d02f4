import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@loan-buddy/kit/testing';
import { migrations } from '../db/migrations';

/** Runs a command in this process, on an empty database in memory, until it has printed something. */
async function run(command: string, ...args: string[]): Promise<string> {
  let printed = '';
  const print = (text: unknown) => {
    printed += String(text);
    return true;
  };
  jest.spyOn(process.stdout, 'write').mockImplementation(print);
  jest.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  jest.replaceProperty(process, 'argv', ['node', 'command', ...args]);
  jest.replaceProperty(process, 'env', { DATABASE_URL: 'memory:' });
  jest.requireActual(command);
  await until(() => printed !== '', 50_000);
  await sleep(50);
  return printed;
}

describe('the commands', () => {
  it('migrate says what it did', async () => {
    expect(await run('./migrate')).toBe(`done: ${Object.keys(migrations).join(', ')}\n`);
  }, 60_000);

  it('providers checks those that are configured', async () => {
    expect(await run('./providers', 'check')).toMatch(/^provider +outcome[^]*\nProviderC +ok /);
  }, 60_000);

  it('events exports what happened', async () => {
    expect(await run('./events', 'export', '--format', 'csv')).toMatch(
      /^id,subject,source,.*\r\n$/,
    );
  }, 60_000);

  it('orders lists what has failed', async () => {
    expect(await run('./orders', 'list-failed')).toBe('0 failed\n');
  }, 60_000);
});
