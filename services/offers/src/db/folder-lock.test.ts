import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderInUseError, lockFolder } from './folder-lock';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const unexpected = () => {
  throw new Error('the lock was lost');
};

/** Leaves a lock behind as another process would. */
function leave(holder: { pid: number; host: string }, ageS = 0): void {
  const file = join(folder, 'lock');
  writeFileSync(file, JSON.stringify(holder));
  const time = new Date(Date.now() - ageS * 1000);
  utimesSync(file, time, time);
}

/** The pid of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

describe('lockFolder', () => {
  it('makes the folder, holds it, and leaves nothing behind', () => {
    const deep = join(folder, 'a', 'b');
    const lock = lockFolder(deep, unexpected);
    expect(existsSync(join(deep, 'lock'))).toBe(true);
    lock.release();
    expect(existsSync(join(deep, 'lock'))).toBe(false);
  });

  it('refuses a folder that a living process holds, and says which', () => {
    leave({ pid: process.ppid, host: hostname() });
    expect(() => lockFolder(folder, unexpected)).toThrow(FolderInUseError);
    expect(() => lockFolder(folder, unexpected)).toThrow(
      `in use by process ${String(process.ppid)} on ${hostname()}`,
    );
  });

  it('refuses a folder held on another host, whose processes cannot be seen', () => {
    leave({ pid: deadPid(), host: 'elsewhere' });
    expect(() => lockFolder(folder, unexpected)).toThrow(FolderInUseError);
  });

  it('refuses a folder whose lock is only just being written', () => {
    writeFileSync(join(folder, 'lock'), '');
    expect(() => lockFolder(folder, unexpected)).toThrow('in use by another process');
  });

  it.each<[string, () => { pid: number; host: string }, number]>([
    ['a process that is dead', () => ({ pid: deadPid(), host: hostname() }), 0],
    ['its own pid in an earlier life', () => ({ pid: process.pid, host: hostname() }), 0],
    ['one that shows no life', () => ({ pid: process.ppid, host: 'elsewhere' }), 31],
  ])('takes over from %s', (_, holder, ageS) => {
    leave(holder(), ageS);
    lockFolder(folder, unexpected).release();
  });

  it('shows life, and tells when the folder was taken', () => {
    jest.useFakeTimers();
    try {
      const onLost = jest.fn();
      const lock = lockFolder(folder, onLost);
      jest.advanceTimersByTime(10_000);
      expect(onLost).not.toHaveBeenCalled();
      leave({ pid: 1, host: 'elsewhere' });
      jest.advanceTimersByTime(10_000);
      expect(onLost).toHaveBeenCalledTimes(1);
      lock.release();
      expect(existsSync(join(folder, 'lock'))).toBe(true);
    } finally {
      jest.useRealTimers();
    }
  });
});
