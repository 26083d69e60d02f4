import { randomUUID } from 'node:crypto';
import {
  accessSync,
  constants,
  linkSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '@loan-buddy/kit/process';

const HEARTBEAT_MS = 1000;
/** A holder without a heartbeat for this long is dead. */
const STALE_MS = 10_000;
/** Polling interval for a lock whose holder cannot be seen. */
const WATCH_MS = 200;

export class FolderInUseError extends StartError {
  readonly code = 'folder-in-use';
}

export class FolderUnusableError extends StartError {
  readonly code = 'folder-unusable';
}

/** The content of a lock: its holder. */
export interface Holder {
  pid: number;
  host: string;
  /** Where pids are comparable: one boot, and on Linux one pid namespace. */
  space: string;
  /** Unique for each holder, even with the same pid. */
  nonce: string;
}

/**
 * Locks a folder for this process with a file `lock` that names the holder. A killed process leaves its lock behind. If
 * its pid is known to be dead, the lock is taken over at once. If the pid cannot be checked, as from another container,
 * the lock is watched: after one heartbeat, the folder is in use; after 10 s without one, the holder is dead.
 *
 * @param onLost called if another process has taken the folder, which happens if this one was suspended for long
 * @throws {FolderInUseError} if another process holds it; {@link FolderUnusableError} if it is not writable.
 */
export async function lockFolder(folder: string, onLost: () => void) {
  requireWritable(folder);
  const file = join(folder, 'lock');
  const space = pidSpace();
  const holder: Holder = { pid: process.pid, host: hostname(), space, nonce: randomUUID() };
  const own = JSON.stringify(holder);
  if (!create(file, own)) {
    const found = read(file);
    if (found !== undefined && (await isGone(file, found, space))) remove(file, found);
    if (!create(file, own)) {
      const other = parse(read(file));
      const who = other ? `process ${String(other.pid)} on ${other.host}` : 'another process';
      throw new FolderInUseError(`the folder ${folder} is in use by ${who}`);
    }
  }
  let missing = 0;
  const heartbeat = setInterval(() => {
    const found = read(file);
    missing = found === undefined ? missing + 1 : 0;
    // May be missing for a moment, until a process that mistook it for stale restores it.
    if (found === own) {
      // If it fails, the file was renamed at this moment: the next heartbeat finds out why.
      attempt(utimesSync.bind(undefined, file, new Date(), new Date()));
    } else if (found !== undefined || missing > 1) {
      clearInterval(heartbeat);
      onLost();
    }
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

/** Returns undefined if the call throws. */
function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

const read = (file: string) => attempt(() => readFileSync(file, 'utf8'));

/** Undefined if its writer has not filled it yet, or died before. */
const parse = (content = '') => attempt(() => JSON.parse(content) as Holder);

const lastBeat = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs;

async function isGone(file: string, content: string, ownSpace: string): Promise<boolean> {
  const holder = parse(content);
  // With our own pid, it must be from an earlier process.
  if (holder?.space === ownSpace) return holder.pid === process.pid || !isAlive(holder.pid);
  const seen = lastBeat(file);
  // The age may be from another clock, so it counts only if it is well beyond the limit.
  const age = Date.now() - (seen ?? 0);
  for (let watched = 0; watched < STALE_MS && age < 6 * STALE_MS; watched += WATCH_MS) {
    await sleep(WATCH_MS);
    if (lastBeat(file) !== seen || read(file) !== content) return false;
  }
  return true;
}

/** Renames it first: of several processes that find it stale, one gets it, and a late one restores a new lock. */
function remove(file: string, content: string): void {
  const aside = `${file}.${randomUUID()}`;
  attempt(() => {
    renameSync(file, aside);
    // If this fails, a third process holds the lock now.
    if (read(aside) !== content) linkSync(aside, file);
  });
  rmSync(aside, { force: true });
}

function pidSpace(): string {
  const boot = read('/proc/sys/kernel/random/boot_id')?.trim();
  const namespace = attempt(() => readlinkSync('/proc/self/ns/pid'));
  return boot !== undefined && namespace !== undefined ? `${boot} ${namespace}` : hostname();
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function requireWritable(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    const { code = '?' } = error as NodeJS.ErrnoException;
    throw new FolderUnusableError(`DATA_DIR ${folder} cannot be written (${code})`, {
      cause: error,
    });
  }
}
