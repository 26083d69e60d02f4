import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process to run: what it is called, how it is started, and the URL that answers 200 once it can work. */
export interface Program {
  name: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  readyUrl: string;
}

const READY_POLL_MS = 100;

/**
 * Runs Node.js programs together until one ends or `stop` aborts; either way the others are asked to end, and waited for.
 *
 * @param print takes each line a program writes, and its name
 * @param onReady is called once all programs answer at their `readyUrl`
 * @returns undefined if it was asked to end, else which program ended first and how
 */
export async function launch(options: {
  programs: readonly Program[];
  stop: AbortSignal;
  print: (line: string, program: string) => void;
  onReady: () => void;
}): Promise<string | undefined> {
  const { programs, stop, print, onReady } = options;
  const over = new AbortController();
  const children = programs.map((program) => start(program, print));
  const ends = children.map((child, index) => describeEnd(child, programs[index]!.name));
  void whenReady(programs, over.signal).then((ready) => {
    if (ready) onReady();
  });

  const asked = new Promise<undefined>((resolve) => {
    const end = () => {
      resolve(undefined);
    };
    if (stop.aborted) end();
    stop.addEventListener('abort', end, { once: true });
  });
  const reason = await Promise.race([asked, ...ends]);
  over.abort();
  for (const child of children) child.kill('SIGTERM');
  await Promise.all(ends);
  return reason;
}

function start({ args, env, name }: Program, print: (line: string, program: string) => void) {
  // By the IPC channel the program learns of our end, whatever ends us.
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream! }).on('line', (line) => {
      print(line, name);
    });
  }
  return child;
}

async function describeEnd(child: ChildProcess, name: string): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      resolve(`${name} could not be started: ${error.message}`);
    });
    child.once('close', (code, signal) => {
      resolve(`${name} stopped with ${signal ?? `exit code ${String(code)}`}`);
    });
  });
}

async function whenReady(programs: readonly Program[], over: AbortSignal): Promise<boolean> {
  const waiting = programs.map(async ({ readyUrl }) => {
    while (!over.aborted) {
      const answer = await fetch(readyUrl, { signal: over }).catch(() => undefined);
      if (answer?.ok) return true;
      await sleep(READY_POLL_MS);
    }
    return false;
  });
  return (await Promise.all(waiting)).every(Boolean);
}
