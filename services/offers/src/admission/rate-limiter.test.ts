import { recordingLogger } from '../../../kit/testing';
import { createRateLimiter, type AddUsage, type Usage } from './rate-limiter';
import { QuotaExceededError, type Allowance } from '@loan-buddy/kit/admission';

const reads = { name: 'reads', limit: 3, windowS: 60, exact: false };
const writes = { name: 'writes', limit: 3, windowS: 60, exact: true };

/** Adds up usage for several replicas, and records the calls. */
function aSharedCount() {
  const totals = new Map<string, number>();
  const calls: (readonly Usage[])[] = [];
  const addUsage: AddUsage = (usages) => {
    calls.push(usages);
    return Promise.resolve(
      usages.map(({ key, windowStartS, count }) => {
        const id = `${key} ${String(windowStartS)}`;
        totals.set(id, (totals.get(id) ?? 0) + count);
        return totals.get(id)!;
      }),
    );
  };
  return { addUsage, calls };
}

function aLimiter(addUsage?: AddUsage) {
  const clock = { ms: 120_000 };
  const { logger, lines } = recordingLogger();
  const quotas = { reads, writes };
  const limiter = createRateLimiter({ quotas, addUsage, logger, now: () => clock.ms });
  return { ...limiter, clock, lines };
}

/** How long until usage is shared. */
const SHARE_MS = 250;

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** Waits for a promise that may resolve only with the next round of sharing. */
async function afterSharing<Result>(waiting: Result | Promise<Result>): Promise<Result> {
  await jest.advanceTimersByTimeAsync(SHARE_MS);
  return waiting;
}

const exceeded = (allowances: readonly Allowance[]) =>
  allowances.map(({ isExceeded }) => isExceeded);

describe('createRateLimiter', () => {
  it('gives each client each quota once per window', async () => {
    const { take, clock } = aLimiter();
    const remaining: number[] = [];
    for (let i = 0; i < 5; i++) remaining.push((await take(reads, 'a')).remaining);
    expect(remaining).toEqual([2, 1, 0, 0, 0]);
    expect(await take(reads, 'a')).toMatchObject({ isExceeded: true });
    expect(await take(reads, 'b')).toMatchObject({ isExceeded: false, remaining: 2 });
    expect(await take(writes, 'a')).toMatchObject({ isExceeded: false, remaining: 2 });
    clock.ms += 59_999;
    expect(await take(reads, 'a')).toMatchObject({ isExceeded: true, resetS: 1 });
    clock.ms += 1;
    expect(await take(reads, 'a')).toMatchObject({ isExceeded: false, remaining: 2, resetS: 60 });
  });

  it('reports the seconds until the next window', async () => {
    const { take, clock } = aLimiter();
    clock.ms += 20_500;
    expect(await take(reads, 'a')).toMatchObject({ resetS: 40 });
  });

  it('enforces an exact quota across replicas', async () => {
    const { addUsage } = aSharedCount();
    const replicas = [aLimiter(addUsage), aLimiter(addUsage), aLimiter(addUsage)];
    const taking = replicas.flatMap(({ take }) => [1, 2, 3].map(async () => take(writes, 'a')));
    const all = await Promise.all(taking);
    expect(exceeded(all).filter((is) => !is)).toHaveLength(3);
  });

  it('shares concurrent requests in one call', async () => {
    const { addUsage, calls } = aSharedCount();
    const { take } = aLimiter(addUsage);
    await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(async (client) => take(writes, String(client))));
    expect(calls.map((usages) => usages.length)).toEqual([8]);
  });

  it('keeps sharing after a read that arrived during a round', async () => {
    const { addUsage } = aSharedCount();
    const { take } = aLimiter(async (usages) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return addUsage(usages);
    });
    const counted: unknown[] = [];
    const count = async () => counted.push(await take(writes, 'a'));
    void count();
    await jest.advanceTimersByTimeAsync(5);
    void take(reads, 'a');
    // The read is shared right after the write; its timer finds nothing left to do.
    await jest.advanceTimersByTimeAsync(2 * SHARE_MS);
    void count();
    await jest.advanceTimersByTimeAsync(SHARE_MS);
    expect(counted).toMatchObject([{ remaining: 2 }, { remaining: 1 }]);
  });

  it('does not wait for a quota that is not exact, and soon learns the counts of other replicas', async () => {
    const { addUsage } = aSharedCount();
    const [one, other] = [aLimiter(addUsage), aLimiter(addUsage)];
    for (let i = 0; i < 3; i++) expect(one.take(reads, 'a')).not.toBeInstanceOf(Promise);
    await jest.advanceTimersByTimeAsync(SHARE_MS);
    expect(other.take(reads, 'a')).toMatchObject({ isExceeded: false });
    await jest.advanceTimersByTimeAsync(SHARE_MS);
    expect(other.take(reads, 'a')).toMatchObject({ isExceeded: true });
  });

  it('counts alone while sharing fails, and warns', async () => {
    const { take, lines } = aLimiter(() => Promise.reject(new Error('down')));
    const all: Allowance[] = [];
    for (let i = 0; i < 5; i++) all.push(await afterSharing(take(writes, 'a')));
    expect(exceeded(all)).toEqual([false, false, false, true, true]);
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        msg: 'rate limits cannot be shared between replicas',
      }),
    ]);
  });

  it('shares later what it could not share', async () => {
    const { addUsage, calls } = aSharedCount();
    let isDown = true;
    const one = aLimiter((usages) =>
      isDown ? Promise.reject(new Error('down')) : addUsage(usages),
    );
    for (let i = 0; i < 3; i++) await afterSharing(one.take(writes, 'a'));
    expect(calls).toEqual([]);
    isDown = false;
    await jest.advanceTimersByTimeAsync(SHARE_MS);
    expect(calls).toEqual([[expect.objectContaining({ key: 'writes a', count: 3 })]]);
    expect(await aLimiter(addUsage).take(writes, 'a')).toMatchObject({ isExceeded: true });
    await jest.advanceTimersByTimeAsync(10 * SHARE_MS);
    expect(calls).toHaveLength(2);
  });

  it('drops what it could not share once the window is over', async () => {
    const { addUsage, calls } = aSharedCount();
    let isDown = true;
    const { take, clock } = aLimiter((usages) =>
      isDown ? Promise.reject(new Error('down')) : addUsage(usages),
    );
    await take(writes, 'a');
    clock.ms += 60_000;
    await jest.advanceTimersByTimeAsync(SHARE_MS);
    isDown = false;
    await jest.advanceTimersByTimeAsync(10 * SHARE_MS);
    expect(calls).toEqual([]);
  });

  it('counts requests at the end of a window in that window', async () => {
    const { addUsage, calls } = aSharedCount();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const { take, clock } = aLimiter(async (usages) => {
      await held;
      return addUsage(usages);
    });
    const taking = ['a', 'b', 'b'].map(async (client) => take(writes, client));
    clock.ms += 60_000;
    taking.push(Promise.resolve(take(writes, 'b')));
    release();
    expect((await Promise.all(taking)).map(({ remaining }) => remaining)).toEqual([2, 2, 1, 2]);
    const last = calls.at(-1)!.map(({ windowStartS, count }) => [windowStartS, count]);
    expect(last).toEqual([
      [120, 1],
      [120, 2],
      [180, 1],
    ]);
  });

  it('shares at most a thousand clients per call', async () => {
    const { addUsage, calls } = aSharedCount();
    const { take } = aLimiter(addUsage);
    const clients = Array.from({ length: 2002 }, (_, i) => String(i));
    const all = await Promise.all(clients.map(async (client) => take(writes, client)));
    expect(all.every(({ isExceeded }) => !isExceeded)).toBe(true);
    expect(calls.map((usages) => usages.length)).toEqual([1000, 1000, 2]);
  });

  it('shares what is left when it closes', async () => {
    const { addUsage, calls } = aSharedCount();
    const { take, close } = aLimiter(addUsage);
    void take(reads, 'a');
    void take(reads, 'a');
    await close();
    expect(calls).toEqual([[expect.objectContaining({ key: 'reads a', count: 2 })]]);
  });

  it('closes even if sharing fails', async () => {
    const addUsage = jest.fn<Promise<number[]>, [readonly Usage[]]>(() =>
      Promise.reject(new Error('away')),
    );
    const { take, close, lines } = aLimiter(addUsage);
    void take(reads, 'a');
    await close();
    expect(addUsage.mock.calls).toEqual([
      [[expect.objectContaining({ key: 'reads a', count: 1 })]],
    ]);
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        msg: 'rate limits cannot be shared between replicas',
      }),
    ]);
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe('QuotaExceededError', () => {
  it('names the quota and when to retry', () => {
    const error = new QuotaExceededError({
      quota: reads,
      isExceeded: true,
      remaining: 0,
      resetS: 7,
    });
    expect(error.headers).toEqual(['Retry-After', '7']);
    expect(error.members).toEqual({ 'violated-policies': ['reads'] });
  });
});
