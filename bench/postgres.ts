import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { newPort } from './process';

const command = join(__dirname, '..', '..', '.ci', 'postgres');
/** The unit of times in /proc/PID/stat, on all Linux systems. */
const TICK_MICROS = 10_000;

export interface Postgres {
  /** Creates a database, and returns its URL. */
  newDatabase: () => Promise<string>;
  /** Returns the CPU time that the server has used so far, in microseconds. undefined: the system has no /proc. */
  cpuMicros: (() => Promise<number>) | undefined;
  stop: () => void;
}

/** Starts a server with its data in `folder`. Returns undefined if this machine has none. */
export async function startPostgres(folder: string): Promise<Postgres | undefined> {
  const run = (...args: string[]) => execFileSync(command, args, { encoding: 'utf8' }).trim();
  try {
    run('has');
  } catch {
    return undefined;
  }
  const url = run('start', folder, String(await newPort()));
  const pid = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')[0]!;
  let databases = 0;
  return {
    newDatabase: async () => {
      const name = `bench${String(++databases)}`;
      const client = new Client(url);
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      return url.replace(/postgres$/, name);
    },
    cpuMicros: existsSync(`/proc/${pid}/schedstat`)
      ? () => Promise.resolve(cpuMicrosOf(pid))
      : undefined,
    stop: () => void run('stop', folder),
  };
}

/** Returns the CPU time of all processes of a server, running and ended. */
function cpuMicrosOf(pid: string): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  let nanos = 0;
  for (const each of [pid, ...children]) {
    try {
      nanos += Number(readFileSync(`/proc/${each}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // It has just ended.
    }
  }
  // After the name in brackets, which may contain spaces: the state, and 10 fields before the times.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  const endedTicks = Number(fields[13]) + Number(fields[14]);
  return nanos / 1000 + endedTicks * TICK_MICROS;
}
