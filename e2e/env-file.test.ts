/** `--env-file` of the services, of `npm start` and of commands, as processes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postCheckout } from './support/client';
import { newFolder } from './support/data-folder';
import { startPair } from './support/npm-start';
import { describeOnce } from './support/postgres';
import { root, startService } from './support/service-process';

const folder = mkdtempSync(join(tmpdir(), 'env-file-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function fileWith(name: string, ...lines: string[]): string {
  const path = join(folder, name);
  writeFileSync(path, lines.join('\n'));
  return path;
}

async function decide(url: string, amount: number): Promise<unknown> {
  const response = await fetch(`${url}/confirm-payment`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ order_id: 'order-1', amount, status: 'PENDING' }),
  });
  return response.json();
}

describeOnce('--env-file', () => {
  it('sets variables of a service, unless they are set already; a later file wins', async () => {
    const one = fileWith('one.env', '# PORT is set already', 'PORT=1', 'APPROVAL_THRESHOLD=1');
    const two = fileWith('two.env', 'APPROVAL_THRESHOLD="20000"');
    const args = ['--env-file', one, '--env-file', two];
    const { url } = await startService('confirm-payment', {}, args);
    expect(await decide(url, 19_999)).toEqual({ status: 'REJECTED' });
    expect(await decide(url, 20_000)).toEqual({ status: 'APPROVED' });
  });

  it('of npm start sets variables of both services', async () => {
    const file = fileWith('pair.env', 'APPROVAL_THRESHOLD=20000', 'HOST=::');
    const line = `npm start -- --env-file ${file}`;
    const { offers } = await startPair(line, { ...(await newFolder()), HOST: '127.0.0.1' });
    const response = await postCheckout(offers, { user_id: 'cristina', loan_id: 'offer2' });
    expect(await response.json()).toMatchObject({ status: 'REJECTED' });
  });

  it('sets variables of a command', () => {
    const file = fileWith('database.env', 'DATABASE_URL=memory:');
    const script = join(root, 'services/offers/dist/commands/orders.js');
    const args = ['--', script, 'list-failed', '--env-file', file];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '0 failed\n']);
  });

  // Node.js itself reads `--env-file=FILE`, even behind the script, and exits 9: `--` in the scripts of npm prevents it.
  it('of an npm script exits 1 if the file cannot be read', () => {
    const line = 'npm run -s orders -- list-failed --env-file=/none.env';
    const { status, stderr } = spawnSync('sh', ['-c', line], { cwd: root, encoding: 'utf8' });
    const message = 'orders: --env-file: /none.env cannot be read (ENOENT)\n';
    expect([status, stderr]).toEqual([1, message]);
  });
});
