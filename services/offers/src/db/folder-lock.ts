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
import { StartError } from '@loan-buddy/kit';

/** How often a holder shows that it lives. */
const HEARTBEAT_MS = 1000;
/** A holder that shows no life for this long is gone, wherever it ran. */
const STALE_MS = 10_000;
/** How often a lock is looked at whose holder cannot be seen. */
const WATCH_MS = 200;

/** Another process holds the folder. */
export class FolderInUseError extends StartError {
  readonly code = 'folder-in-use';
}

/** A folder that this process holds alone. */
export interface FolderLock {
  release: () => void;
}

/** The folder is not there and cannot be made, or nothing can be written in it. */
export class FolderUnusableError extends StartError {
  readonly code = 'folder-unusable';
}

/** What a lock says of its holder. */
export interface Holder {
  pid: number;
  host: string;
  /** Where a pid means the same process: of one boot, and on Linux of one pid namespace. */
  space: string;
  /** No two holders have the same, not even of one pid. */
  nonce: string;
}

/**
 * Takes a folder for this process alone, by a file `lock` in it that names the holder. A process that was killed leaves
 * its lock behind; it is taken over at once where its pid can be seen to be dead. Where it cannot, as from another
 * container, the lock is watched: one sign of life, and the folder is in use; none for 10 s, and the holder is gone.
 *
 * @param onLost is called if another process has taken the folder, which it does when this one was suspended for long
 * @throws {FolderInUseError} where another process holds it; {@link FolderUnusableError} where it cannot be written.
 */
export async function lockFolder(folder: string, onLost: () => void): Promise<FolderLock> {
  requireWritable(folder);
  const file = join(folder, 'lock');
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    space: pidSpace(),
    nonce: randomUUID(),
  };
  const own = JSON.stringify(holder);
  if (!create(file, own)) {
    const found = read(file);
    if (found !== undefined && (await isGone(file, found, holder.space))) remove(file, found);
    if (!create(file, own)) throw inUse(folder, read(file));
  }
  let missing = 0;
  const heartbeat = setInterval(() => {
    const found = read(file);
    missing = found === undefined ? missing + 1 : 0;
    // Missing for a moment: somebody who took it for stale puts it back.
    if (found === own) beat(file);
    else if (found !== undefined || missing > 1) {
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

function beat(file: string): void {
  const now = new Date();
  try {
    utimesSync(file, now, now);
  } catch {
    // Renamed in this very moment: the next beat sees what became of it.
  }
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

function lastBeat(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

async function isGone(file: string, content: string, ownSpace: string): Promise<boolean> {
  const holder = parse(content);
  // Of our own pid it can only be one that had it before us.
  if (holder?.space === ownSpace) return holder.pid === process.pid || !isAlive(holder.pid);
  const seen = lastBeat(file);
  // Its age may be by another clock, and so counts only where it is beyond doubt.
  const age = Date.now() - (seen ?? 0);
  for (let watched = 0; watched < STALE_MS && age < 6 * STALE_MS; watched += WATCH_MS) {
    await sleep(WATCH_MS);
    if (lastBeat(file) !== seen || read(file) !== content) return false;
  }
  return true;
}

/** Renamed before it is removed: of several that find it stale, one gets it, and one that comes late puts it back. */
function remove(file: string, content: string): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  try {
    if (read(aside) !== content) linkSync(aside, file);
  } catch {
    // A third has taken it meanwhile, and holds it now.
  }
  rmSync(aside);
}

function parse(content: string): Holder | undefined {
  try {
    return JSON.parse(content) as Holder;
  } catch {
    return undefined; // its writer is between creating and filling it, or died there
  }
}

function pidSpace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
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
