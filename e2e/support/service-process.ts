import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { until } from '@loan-buddy/kit/testing';
import { report } from './client';
import { newFolder } from './data-folder';
import { freePort } from './free-port';
import { atEnd } from './at-end';

export const root = join(__dirname, '..', '..');

export interface ServiceProcess {
  url: string;
  port: number;
  /** The parsed log lines so far. */
  log: Record<string, unknown>[];
  kill: (signal: NodeJS.Signals) => void;
  /** Resolves with the exit code, or the signal that ended it. */
  exit: Promise<number | NodeJS.Signals>;
  /** Resident memory in MB; NaN if the system does not report it. */
  memoryMb: () => number;
  /** Ends the process if it is still running. */
  close: () => Promise<void>;
}

export interface FailedStart {
  exit: number | NodeJS.Signals;
  stderr: string;
}

type ServiceName = 'offers' | 'confirm-payment';

/** Timeouts for the slowest machine. A test about a timeout sets its own. */
export const patient = { CONFIRM_PAYMENT_TIMEOUT_MS: '60000', DATABASE_TIMEOUT_MS: '60000' };

function spawnService(name: ServiceName, env: NodeJS.ProcessEnv, args: readonly string[] = []) {
  const script = join(root, 'services', name, 'dist', 'main.js');
  const child = spawn(process.execPath, [script, ...args], {
    env: {
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      PORT: '0',
      DATABASE_URL: 'memory:',
      ...patient,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'close').then(
    ([code, signal]) => (signal ?? code) as number | NodeJS.Signals,
  );
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return { child, exit, stderr: () => stderr };
}

/**
 * Starts a built service on a free port and waits until it listens. Kills it after the test. If no database is given,
 * offers has an embedded one of its own.
 */
export async function startService(
  name: ServiceName,
  env: NodeJS.ProcessEnv = {},
  args?: readonly string[],
): Promise<ServiceProcess> {
  const { port, ...service } = await beginService(name, env, args);
  const listening = await port;
  return { ...service, url: `http://127.0.0.1:${String(listening)}`, port: listening };
}

/** Like {@link startService}, but does not wait for the port. */
export async function beginService(
  name: ServiceName,
  given: NodeJS.ProcessEnv = {},
  args?: readonly string[],
) {
  // With a higher log level, a service does not log where it listens.
  const isQuiet = given['LOG_LEVEL'] !== undefined;
  const env = {
    ...(name === 'offers' && given['DATABASE_URL'] === undefined && (await newFolder())),
    ...(isQuiet && { PORT: String(await freePort()) }),
    ...given,
  };
  const { child, exit, stderr } = spawnService(name, env, args);
  const log: Record<string, unknown>[] = [];
  let isStopping = false;
  const kill = (signal: NodeJS.Signals) => {
    isStopping = true;
    child.kill(signal);
  };
  const close = async () => {
    kill('SIGKILL');
    await exit;
  };
  atEnd(close);
  void exit.then((code) => {
    if (isStopping) return;
    const last = JSON.stringify(log.slice(-3));
    report(`${name} ended by itself with ${String(code)}: ${stderr()}${last}`);
  });
  const port = new Promise<number>((resolve, reject) => {
    if (isQuiet) untilAlive(Number(env.PORT)).then(resolve, reject);
    onWholeLines(child.stdout, (text) => {
      const line = JSON.parse(text) as Record<string, unknown>;
      log.push(line);
      if ((line['msg'] ?? line['message']) === 'listening') resolve(Number(line['port']));
    });
    void exit.then((code) => {
      reject(new Error(`${name} ended with ${String(code)}: ${stderr()}`));
    });
  });
  // A test that does not wait for the port may end the process before it listens.
  port.catch(() => undefined);
  return {
    port,
    log,
    kill,
    memoryMb: () => residentMb(child.pid!),
    exit,
    close,
  };
}

/** Calls `onLine` with each complete line. A process that is killed may have written half of its last one. */
function onWholeLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    lines.forEach(onLine);
  });
}

async function untilAlive(port: number): Promise<number> {
  await until(async () => {
    const response = await fetch(`http://127.0.0.1:${String(port)}/livez`).catch(() => undefined);
    return response?.ok === true;
  });
  return port;
}

function residentMb(pid: number): number {
  try {
    const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  } catch {
    return NaN;
  }
}

/** Starts a built service that is expected to refuse to start. */
export async function failToStart(name: ServiceName, env: NodeJS.ProcessEnv): Promise<FailedStart> {
  const { exit, stderr } = spawnService(name, env);
  return { exit: await exit, stderr: stderr() };
}
