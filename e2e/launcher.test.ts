/** `npm start` as a process: whatever ends it, neither service stays behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { until } from '@loan-buddy/kit/testing';
import { describeOnce } from './support/postgres';
import { freePort } from './support/free-port';
import { root } from './support/service-process';

const answers = (port: number) =>
  fetch(`http://127.0.0.1:${String(port)}/readyz`).then(
    () => true,
    () => false,
  );

async function startLauncher() {
  const ports = [await freePort(), await freePort()];
  const args = ['--conditions=source', '-r', 'ts-node/register/transpile-only'];
  const child = spawn(process.execPath, [...args, 'services/launcher/src/main.ts'], {
    cwd: root,
    env: {
      ...process.env,
      OFFERS_PORT: String(ports[0]),
      CONFIRM_PAYMENT_PORT: String(ports[1]),
      DATABASE_URL: 'memory:',
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exit = once(child, 'exit');
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    if (String(chunk).includes('Both services are running')) break;
  }
  return { child, ports, exit };
}

describeOnce('the launcher', () => {
  it.each(['SIGTERM', 'SIGHUP', 'SIGKILL', 'a closed stdout'])(
    'leaves no service behind after %s',
    async (end) => {
      const { child, ports, exit } = await startLauncher();
      expect(await Promise.all(ports.map(answers))).toEqual([true, true]);
      if (end.startsWith('SIG')) child.kill(end as NodeJS.Signals);
      else {
        child.stdout.destroy();
        // The next line of a log finds nobody who reads.
        await answers(ports[0]!);
      }
      await exit;
      const alive = () => Promise.all(ports.map(answers));
      await until(async () => !(await alive()).includes(true));
      expect(await alive()).toEqual([false, false]);
    },
    30_000,
  );
});
