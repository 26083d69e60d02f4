import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from './free-port';
import { atEnd } from './at-end';
import { root } from './service-process';

/** The output of `npm start` once both services are ready. */
export const READY = 'Both services are running';

export interface Pair {
  offers: string;
  confirmPayment: string;
  /** Ends both services like Ctrl-C. */
  stop: () => Promise<void>;
}

/** Runs a line that ends in `npm start` on free ports, and waits until both services are ready. Ends it after the test. */
export async function startPair(line: string, env: NodeJS.ProcessEnv): Promise<Pair> {
  const [offers, confirmPayment] = [String(await freePort()), String(await freePort())];
  const child = spawn('sh', ['-c', line], {
    cwd: root,
    env: { ...process.env, ...env, OFFERS_PORT: offers, CONFIRM_PAYMENT_PORT: confirmPayment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group, like in a terminal: Ctrl-C reaches all of it
  });
  const closed = once(child, 'close');
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGINT');
    await closed;
  };
  atEnd(stop);
  let printed = '';
  await new Promise<void>((resolve, reject) => {
    const onOutput = (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.includes(READY)) resolve();
    };
    child.stdout.on('data', onOutput);
    child.stderr.on('data', onOutput);
    void closed.then(() => {
      reject(new Error(`${line} ended: ${printed}`));
    });
  });
  const url = (port: string) => `http://127.0.0.1:${port}`;
  return { offers: url(offers), confirmPayment: url(confirmPayment), stop };
}
