import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const POLL_MS = 300;

/** Parent and grandparent when this module loads. Seconds later, when the rest has loaded, they may have ended. */
const parent = process.ppid;
const grandparent = parentOf(parent);

/** Stands for an ancestor that had ended before this module loaded. */
const GONE = -1;

/**
 * The processes up to npm that started this one: npm's shell and npm, or npm alone if its shell replaced itself with us.
 * Empty if npm did not start it: `nohup node … &` has to outlive its parent.
 *
 * @param script the command line that npm runs, from `npm_lifecycle_script`
 */
export function npmAncestors(script: string | undefined): number[] {
  if (!script?.includes('launcher/start.js')) return [];
  const commandLine = read(parent, 'cmdline').replaceAll('\0', ' ') || ps(parent, 'args');
  const pids = commandLine.includes(script) ? [parent, grandparent] : [parent];
  return pids.map((pid) => (isInit(pid) ? GONE : pid));
}

/**
 * Calls `onGone` once one of the ancestors has ended. npm and its shell do not forward every signal, but the system
 * gives the children of a process that ends a new parent at once.
 */
export function watchAncestors(ancestors: readonly number[], onGone: () => void): void {
  if (ancestors.length === 0) return;
  const timer = setInterval(() => {
    const [first, second] = ancestors;
    if (process.ppid === first && (second === undefined || parentOf(first) === second)) return;
    clearInterval(timer);
    onGone();
  }, POLL_MS);
  timer.unref();
}

/** The parent's process id, or 0 if unknown. */
function parentOf(pid: number): number {
  // After the command's name, which may contain anything: state, parent.
  const stat = /.*\) \S (\d+)/s.exec(read(pid, 'stat'))?.[1];
  return Number(stat ?? ps(pid, 'ppid'));
}

/**
 * Whether a process is init, or another process that adopts orphans. npm and its shell share a session with us; an
 * adopting process has its own.
 */
function isInit(pid: number): boolean {
  // After the command's name: state, parent, process group, session.
  const [session, own] = [pid, process.pid].map(
    (each) => /.*\) \S \d+ \d+ (\d+)/s.exec(read(each, 'stat'))?.[1],
  );
  return session === undefined || own === undefined ? pid === 1 : session !== own;
}

/** Reads a file of Linux's /proc. Returns an empty string if there is none. */
function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${String(pid)}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

function ps(pid: number, column: string): string {
  try {
    const args = ['-o', `${column}=`, '-p', String(pid)];
    return execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return '';
  }
}
