import { recordingLogger } from '../../testing';
import {
  createRateLimiter,
  QuotaExceededError,
  type AddUsage,
  type Allowance,
  type Usage,
} from './rate-limiter';

const reads = { name: 'reads', limit: 3, windowS: 60, exact: false };
const writes = { name: 'writes', limit: 3, windowS: 60, exact: true };

/** Where replicas add up what they count, and how often they did. */
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

const exceeded = (allowances: readonly Allowance[]) =>
  allowances.map(({ isExceeded }) => isExceeded);

describe('createRateLimiter', () => {
  it('lets each client have each quota once in a window', async () => {
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

  it('tells in seconds when there is more', async () => {
    const { take, clock } = aLimiter();
    clock.ms += 20_500;
    expect(await take(reads, 'a')).toMatchObject({ resetS: 40 });
  });

  it('holds an exact quota over replicas to the letter', async () => {
    const { addUsage } = aSharedCount();
    const replicas = [aLimiter(addUsage), aLimiter(addUsage), aLimiter(addUsage)];
    const taking = replicas.flatMap(({ take }) => [1, 2, 3].map(async () => take(writes, 'a')));
    const all = await Promise.all(taking);
    expect(exceeded(all).filter((is) => !is)).toHaveLength(3);
  });

  it('adds what comes at the same time at once', async () => {
    const { addUsage, calls } = aSharedCount();
    const { take } = aLimiter(addUsage);
    await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(async (client) => take(writes, String(client))));
    // The first alone, and all that came while that was under way.
    expect(calls.map((usages) => usages.length)).toEqual([1, 7]);
  });

  it('waits for nobody with a quota that is not exact, and hears of the others soon', async () => {
    const { addUsage } = aSharedCount();
    const [one, other] = [aLimiter(addUsage), aLimiter(addUsage)];
    for (let i = 0; i < 3; i++) expect(one.take(reads, 'a')).not.toBeInstanceOf(Promise);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(other.take(reads, 'a')).toMatchObject({ isExceeded: false });
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(other.take(reads, 'a')).toMatchObject({ isExceeded: true });
  });

  it('counts for itself while nothing can be shared, and says so', async () => {
    const { take, lines } = aLimiter(() => Promise.reject(new Error('down')));
    const all: Allowance[] = [];
    for (let i = 0; i < 5; i++) all.push(await take(writes, 'a'));
    expect(exceeded(all)).toEqual([false, false, false, true, true]);
    expect(lines[0]).toMatchObject({ level: 'warn', msg: 'rate limits are not shared' });
  });

  it('leaves nobody waiting when the window ends', async () => {
    let answer: (totals: number[]) => void = () => undefined;
    const { take, clock } = aLimiter(() => new Promise((resolve) => (answer = resolve)));
    const first = take(writes, 'a');
    const second = take(writes, 'b');
    clock.ms += 60_000;
    void take(writes, 'c');
    expect(await second).toMatchObject({ isExceeded: false });
    answer([1]);
    expect(await first).toMatchObject({ isExceeded: false });
  });
});

describe('QuotaExceededError', () => {
  it('says what was exceeded, and when to come again', () => {
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
