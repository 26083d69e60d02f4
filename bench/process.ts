import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = join(__dirname, '..', '..');
const START_TIMEOUT_MS = 15_000;

export interface MeasuredProcess {
  port: number;
  /** CPU time used so far, all threads, in microseconds. */
  cpuMicros: () => Promise<number>;
  stop: () => Promise<void>;
}

/** Starts a script with the CPU probe, discards its output, and waits until it listens. */
export async function startProcess(
  script: string,
  port: number,
  env: NodeJS.ProcessEnv = {},
): Promise<MeasuredProcess> {
  const child = fork(join(root, script), {
    cwd: root,
    execArgv: ['-r', join(__dirname, 'cpu-probe.js')],
    env: { ...process.env, ...env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  child.stdout?.resume();
  // Takes the services' message that they are ready, which would wait for a listener and pass for a CPU time.
  child.on('message', () => undefined);
  try {
    await listening(child, script, port);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return {
    port,
    cpuMicros: async () => {
      const answer = once(child, 'message') as Promise<[number]>;
      child.send('cpu');
      return (await answer)[0];
    },
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function listening(child: ChildProcess, script: string, port: number): Promise<void> {
  for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end;) {
    await sleep(50);
    if (child.exitCode !== null) break;
    const socket = connect(port, '127.0.0.1');
    const connected = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (connected) return;
  }
  throw new Error(`${script} does not listen on port ${String(port)}`);
}
