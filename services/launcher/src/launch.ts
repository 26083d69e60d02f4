import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** A process to run. */
export interface Program {
  name: string;
  /** Arguments for Node.js. */
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** The launcher's variable for its `PORT`; replaces `PORT` in its messages. */
  portVariable?: string;
  /** Whether it restarts by itself after a failure, as with `node --watch`. */
  restartsItself?: boolean;
}

/**
 * Runs Node.js programs together until one ends or `stop` aborts. Then asks the others to end, and waits for them.
 *
 * @param force kills the programs that still run when it aborts
 * @param print takes each line that a program writes, and the program's name
 * @param onReady runs once each program has sent `{ type: 'ready' }` over its IPC channel
 * @returns undefined if `stop` aborted, else why the first program ended: its exit code or, if it was not ready yet, its
 * stderr, which is not printed in that case
 */
export async function launch(options: {
  programs: readonly Program[];
  stop: AbortSignal;
  force: AbortSignal;
  print: (line: string, program: string) => void;
  onReady: () => void;
}): Promise<string | undefined> {
  const { programs, stop, force, print, onReady } = options;
  const running = programs.map((program) => start(program, print));
  const ends = running.map(({ end }) => end);
  void Promise.all(running.map(({ ready }) => ready)).then(() => {
    if (!stop.aborted) onReady();
  });
  const killAll = (signal: NodeJS.Signals) => {
    for (const { child } of running) child.kill(signal);
  };
  force.addEventListener('abort', () => {
    killAll('SIGKILL');
  });
  const stopped = stop.aborted ? undefined : once(stop, 'abort').then(() => undefined);
  const reason = await Promise.race([stopped, ...ends]);
  killAll('SIGTERM');
  await Promise.all(ends);
  return reason;
}

function start(program: Program, print: (line: string, program: string) => void) {
  const { args, env, name, portVariable = 'PORT', restartsItself = false } = program;
  // The IPC channel tells the program when this process ends, even after SIGKILL.
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  /** Its stderr until it is ready: usually why it cannot start. */
  const startErrors: string[] = [];
  let isReady = restartsItself;
  const ready = new Promise<void>((resolve) => {
    child.on('message', (message) => {
      if ((message as { type?: unknown }).type !== 'ready') return;
      isReady = true;
      for (const line of startErrors.splice(0)) print(line, name);
      resolve();
    });
  });
  createInterface({ input: child.stdout! }).on('line', (line) => {
    print(line, name);
  });
  createInterface({ input: child.stderr! }).on('line', (text) => {
    const line = text.replaceAll('set PORT', `set ${portVariable}`);
    if (isReady) print(line, name);
    else startErrors.push(line);
  });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const end = closed.then(
    ([code, signal]) =>
      startErrors.join('\n') || `${name} stopped with ${signal ?? `exit code ${String(code)}`}`,
    (error: unknown) => `cannot start ${name}: ${(error as Error).message}`,
  );
  return { child, ready, end };
}
