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

/** The content of this process’s lock, for tests to vary. */
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

/** Skips the pauses between reads of a lock. Returns their sum. */
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
  it('throws if the folder cannot be created', async () => {
    writeFileSync(join(folder, 'file'), '');
    const locking = lockFolder(join(folder, 'file', 'data'), unexpected);
    await expect(locking).rejects.toThrow(FolderUnusableError);
    await expect(lockFolder(join(folder, 'file'), unexpected)).rejects.toThrow(/cannot be written/);
  });

  it('creates the folder, locks it, and leaves no files', async () => {
    const deep = join(folder, 'a', 'b');
    const lock = await lockFolder(deep, unexpected);
    expect(existsSync(join(deep, 'lock'))).toBe(true);
    lock.release();
    expect(readdirSync(deep)).toEqual([]);
  });

  it('refuses a folder locked by a live process, and names it', async () => {
    leave({ ...(await ownHolder()), pid: process.ppid });
    const locking = lockFolder(folder, unexpected);
    await expect(locking).rejects.toThrow(FolderInUseError);
    await expect(locking).rejects.toThrow(
      `in use by process ${String(process.ppid)} on ${hostname()}`,
    );
  });

  it.each(['of a dead process', 'of its own pid'])(
    'takes over at once a lock %s in the same pid space',
    async (whose) => {
      const pid = whose === 'of its own pid' ? process.pid : deadPid();
      leave({ ...(await ownHolder()), pid });
      (await lockFolder(folder, unexpected)).release();
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  it('refuses a folder whose holder it cannot see but that has a heartbeat', async () => {
    leave({ pid: process.pid, host: hostname(), space: 'another container' });
    const paused = skipPauses(() => {
      if (paused.ms > 5000) beat(Date.now() + paused.ms);
    });
    await expect(lockFolder(folder, unexpected)).rejects.toThrow(FolderInUseError);
    expect(paused.ms).toBeLessThan(10_000);
  });

  it('takes over from a holder it cannot see after 10 s without a heartbeat', async () => {
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

  it('gives a stale lock to one of two concurrent processes', async () => {
    leave({ ...(await ownHolder()), pid: deadPid() });
    const both = await Promise.allSettled([
      lockFolder(folder, unexpected),
      lockFolder(folder, unexpected),
    ]);
    const won = both.filter((each) => each.status === 'fulfilled');
    expect(won).toHaveLength(1);
    won[0]!.value.release();
  });

  it('reports a lost lock, and leaves it to its new holder', async () => {
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
