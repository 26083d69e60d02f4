import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { StartError } from '@loan-buddy/kit';

/** How often a holder shows that it lives. */
const HEARTBEAT_MS = 2000;
/** A holder that has shown no life for this long is gone, wherever it ran. */
const STALE_MS = 30_000;

/** Another process holds the folder. */
export class FolderInUseError extends StartError {
  readonly code = 'folder-in-use';
}

/** A folder that this process holds alone. */
export interface FolderLock {
  release: () => void;
}

interface Holder {
  pid: number;
  host: string;
}

/**
 * Takes a folder for this process alone, by a file `lock` in it that names the holder. A lock is left behind by a
 * process that was killed; it is taken over at once where the holder's pid can be seen to be dead, and after 30 s
 * without a sign of life where it cannot, as from another container.
 *
 * @param onLost is called if another process has taken the folder, which it does when this one was suspended for long
 * @throws {FolderInUseError} where another process holds it.
 */
export function lockFolder(folder: string, onLost: () => void): FolderLock {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'lock');
  const own = JSON.stringify({ pid: process.pid, host: hostname() } satisfies Holder);
  if (!create(file, own)) {
    removeIfStale(file, own);
    if (!create(file, own)) throw inUse(folder, read(file));
  }
  const heartbeat = setInterval(() => {
    if (read(file) !== own) {
      clearInterval(heartbeat);
      onLost();
      return;
    }
    const now = new Date();
    utimesSync(file, now, now);
  }, HEARTBEAT_MS).unref();
  return {
    release: () => {
      clearInterval(heartbeat);
      if (read(file) === own) rmSync(file);
    },
  };
}

function create(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function removeIfStale(file: string, own: string): void {
  const content = read(file);
  if (content === undefined || !isStale(file, content, own)) return;
  // Renamed before it is removed: of several that find it stale, one gets it, and one that comes late puts it back.
  const aside = `${file}.${String(process.pid)}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  if (read(aside) !== content) linkSync(aside, file);
  rmSync(aside);
}

function isStale(file: string, content: string, own: string): boolean {
  // Containers give the same pid again and again: one that is ours is not another's.
  if (content === own) return true;
  const age = Date.now() - statSync(file).mtimeMs;
  if (age > STALE_MS) return true;
  const holder = parse(content);
  return holder?.host === hostname() && !isAlive(holder.pid);
}

function parse(content: string): Holder | undefined {
  try {
    return JSON.parse(content) as Holder;
  } catch {
    return undefined; // its writer is between creating and filling it
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function inUse(folder: string, content: string | undefined): FolderInUseError {
  const holder = content === undefined ? undefined : parse(content);
  const who = holder ? `process ${String(holder.pid)} on ${holder.host}` : 'another process';
  return new FolderInUseError(`the folder ${folder} is in use by ${who}`);
}
