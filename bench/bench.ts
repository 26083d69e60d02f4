import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres, type Postgres } from './postgres';
import { newPort, startProcess, type MeasuredProcess } from './process';
import { EARLIER } from './report';

/** A built checkout of this repository. */
export interface Build {
  root: string;
  /** Name of one of its servers in a table. */
  label: (name: string) => string;
}

/** Where offers keeps its orders, as its environment. */
export type Storage = { DATABASE_URL: string } | { DATA_DIR: string };

export interface Options {
  rounds: number;
  seconds: number;
  /** Folder of an earlier build. */
  baseline?: string | undefined;
}

export type Bench = Awaited<ReturnType<typeof openBench>>;

const root = join(__dirname, '..', '..');
const SETTLE_MS = 30_000;
const SETTLE_STEP_MS = 2000;
/** A process that uses less CPU time than this in one step is idle. */
const IDLE_MICROS = 60_000;

/** What a table needs to run: a folder, a PostgreSQL server if this machine has one, and processes. */
export async function openBench({ rounds, seconds, baseline }: Options) {
  const started: MeasuredProcess[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  chmodSync(folder, 0o755); // if we are root, the database server runs as another user
  let postgres: Postgres | undefined;
  let folders = 0;

  let closed: Promise<void> | undefined;
  const closeAll = async () => {
    await Promise.all(started.map((process) => process.stop()));
    postgres?.stop();
    rmSync(folder, { recursive: true });
  };
  // Once: the end of its processes also ends a table that is interrupted.
  const close = () => (closed ??= closeAll());
  try {
    postgres = await startPostgres(join(folder, 'postgres'));
  } catch (error) {
    await close();
    throw error;
  }

  const builds: Build[] = [{ root, label: (name) => name }];
  if (baseline !== undefined) builds.push({ root: baseline, label: (name) => EARLIER + name });

  const start = async (script: string, env: NodeJS.ProcessEnv) => {
    const process = await startProcess(script, await newPort(), env);
    started.push(process);
    return process;
  };

  return {
    effort: { rounds, seconds },
    builds,
    folder,
    postgres,
    /** Starts a server of `bench/servers`. */
    startServer: (name: string, env: NodeJS.ProcessEnv = {}) =>
      start(join(__dirname, 'servers', `${name}.js`), env),
    startService: (name: 'offers' | 'confirm-payment', build: Build, env: NodeJS.ProcessEnv = {}) =>
      start(join(build.root, 'services', name, 'dist', 'main.js'), env),

    /** Creates the database of a build on the PostgreSQL server, if there is one, or in a folder. */
    newStorage: async (build: Build, server: Postgres | undefined): Promise<Storage> => {
      const storage = server
        ? { DATABASE_URL: await server.newDatabase() }
        : { DATA_DIR: join(folder, `embedded-${String(++folders)}`) };
      if ('DATA_DIR' in storage) mkdirSync(storage.DATA_DIR);
      const script = join(build.root, 'services', 'offers', 'dist', 'commands', 'migrate.js');
      execFileSync(process.execPath, [script], { env: storage });
      return storage;
    },

    /** Waits until all processes are idle: for a while, other threads of theirs compile the embedded database. */
    settle: async () => {
      for (const end = Date.now() + SETTLE_MS; Date.now() < end;) {
        const before = await cpuMicros(started);
        await sleep(SETTLE_STEP_MS);
        const after = await cpuMicros(started);
        if (after.every((micros, i) => micros - before[i]! < IDLE_MICROS)) return;
      }
    },

    /** Ends all processes and removes the folder. */
    close,
  };
}

function cpuMicros(processes: readonly MeasuredProcess[]): Promise<number[]> {
  return Promise.all(processes.map((process) => process.cpuMicros()));
}
