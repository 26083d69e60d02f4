import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import timers from 'node:timers/promises';
import { allButIntervals } from '@loan-buddy/kit/testing';
import { FolderInUseError, FolderUnusableError, lockFolder, type Holder } from './folder-lock';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(() => {
  jest.useRealTimers();
  rmSync(folder, { recursive: true });
});

const unexpected = () => {
  throw new Error('the lock was lost');
};

/** A lock as this process takes it, to leave variations of it behind. */
async function ownHolder(): Promise<Holder> {
  const lock = await lockFolder(folder, unexpected);
  const holder = JSON.parse(readFileSync(file(), 'utf8')) as Holder;
  lock.release();
  return holder;
}

const file = () => join(folder, 'lock');

function leave(holder: Partial<Holder>, ageS = 0): void {
  writeFileSync(file(), JSON.stringify(holder));
  beat(Date.now() - ageS * 1000);
}

function beat(ms = Date.now()): void {
  utimesSync(file(), new Date(ms), new Date(ms));
}

/** Skips the pauses between two looks at a lock. Returns the sum of the pauses. */
function skipPauses(duringPause: () => void = () => undefined): { ms: number } {
  const paused = { ms: 0 };
  jest.spyOn(timers, 'setTimeout').mockImplementation((ms = 0) => {
    paused.ms += ms;
    duringPause();
    return Promise.resolve();
  });
  return paused;
}

/** The pid of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

describe('lockFolder', () => {
  it('says so where the folder cannot be made', async () => {
    writeFileSync(join(folder, 'file'), '');
    const locking = lockFolder(join(folder, 'file', 'data'), unexpected);
    await expect(locking).rejects.toThrow(FolderUnusableError);
    await expect(lockFolder(join(folder, 'file'), unexpected)).rejects.toThrow(/cannot be written/);
  });

  it('makes the folder, holds it, and leaves nothing behind', async () => {
    const deep = join(folder, 'a', 'b');
    const lock = await lockFolder(deep, unexpected);
    expect(existsSync(join(deep, 'lock'))).toBe(true);
    lock.release();
    expect(readdirSync(deep)).toEqual([]);
  });

  it('refuses a folder that a living process holds, and says which', async () => {
    leave({ ...(await ownHolder()), pid: process.ppid });
    const locking = lockFolder(folder, unexpected);
    await expect(locking).rejects.toThrow(FolderInUseError);
    await expect(locking).rejects.toThrow(
      `in use by process ${String(process.ppid)} on ${hostname()}`,
    );
  });

  it.each(['of a dead process', 'of its own pid'])(
    'takes over at once the lock %s, where pids mean the same',
    async (whose) => {
      const pid = whose === 'of its own pid' ? process.pid : deadPid();
      leave({ ...(await ownHolder()), pid });
      (await lockFolder(folder, unexpected)).release();
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it('refuses a folder whose holder it cannot see, but which shows life', async () => {
    leave({ pid: process.pid, host: hostname(), space: 'another container' });
    const paused = skipPauses(() => {
      if (paused.ms > 5000) beat(Date.now() + paused.ms);
    });
    await expect(lockFolder(folder, unexpected)).rejects.toThrow(FolderInUseError);
    expect(paused.ms).toBeLessThan(10_000);
  });

  it('takes over from a holder it cannot see once that shows no life for 10 s', async () => {
    leave({ pid: process.pid, host: hostname(), space: 'another container' });
    const paused = skipPauses();
    (await lockFolder(folder, unexpected)).release();
    expect(paused.ms).toBe(10_000);
  });

  it.each([
    ['a lock that is long out of date', () => ({ pid: 1, space: 'another container' })],
    ['half a lock that is long out of date', () => ({})],
  ])('takes over %s at once', async (_, holder) => {
    leave(holder(), 61);
    (await lockFolder(folder, unexpected)).release();
  });

  it('lets one of two have it that find a stale lock at once', async () => {
    leave({ ...(await ownHolder()), pid: deadPid() });
    const both = await Promise.allSettled([
      lockFolder(folder, unexpected),
      lockFolder(folder, unexpected),
    ]);
    const won = both.filter((each) => each.status === 'fulfilled');
    expect(won).toHaveLength(1);
    won[0]!.value.release();
  });

  it('tells when the folder was taken, and leaves it to whoever took it', async () => {
    jest.useFakeTimers({ doNotFake: allButIntervals });
    const lost = jest.fn();
    const lock = await lockFolder(folder, lost);
    jest.advanceTimersByTime(1000);
    expect(lost).not.toHaveBeenCalled();
    leave({ pid: 1 });
    jest.advanceTimersByTime(1000);
    expect(lost).toHaveBeenCalledTimes(1);
    lock.release();
    expect(existsSync(file())).toBe(true);
  });
});
