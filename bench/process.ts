import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_TIMEOUT_MS = 60_000;

export interface MeasuredProcess {
  port: number;
  /** Returns the CPU time used so far, of all threads, in microseconds. */
  cpuMicros: () => Promise<number>;
  stop: () => Promise<void>;
}

/** Starts a script with the CPU probe, discards its output, and waits until it listens. */
export async function startProcess(
  script: string,
  port: number,
  env: NodeJS.ProcessEnv = {},
): Promise<MeasuredProcess> {
  const child = fork(script, {
    execArgv: ['-r', join(__dirname, 'cpu-probe.js')],
    env: { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  child.stdout?.resume();
  // The services report that they are ready. Without a listener, that message would be read as a CPU time.
  child.on('message', () => undefined);
  const exited = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  try {
    await listening(child, script, port);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    port,
    cpuMicros: async () => {
      const reported = once(child, 'message') as Promise<[number]>;
      child.send('cpu');
      return (await reported)[0];
    },
    stop,
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

/** Below the range from which systems take the ports of outgoing connections. */
let nextPort = 18_100;

/** Returns a free port, a different one for each call. */
export async function newPort(): Promise<number> {
  for (;;) {
    const port = nextPort++;
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
