import { createOrderFeed } from './order-feed';

const LOOK_MS = 5000;

async function setUp() {
  let gap: () => void = () => undefined;
  const feed = await createOrderFeed({
    listen: (_, handlers) => {
      gap = handlers.onGap;
      return Promise.resolve(() => Promise.resolve());
    },
    log: { of: () => Promise.resolve([]) },
  });
  const told: string[] = [];
  const watch = (orderId: string) => feed.watch(orderId, () => told.push(orderId));
  return { feed, told, watch, gap };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('the order feed', () => {
  it('polls for each watched order, each at its own time', async () => {
    const { feed, told, watch } = await setUp();
    watch('a');
    jest.advanceTimersByTime(LOOK_MS / 2);
    watch('b');
    jest.advanceTimersByTime(LOOK_MS / 2);
    expect(told).toEqual(['a']);
    jest.advanceTimersByTime(LOOK_MS / 2);
    expect(told).toEqual(['a', 'b']);
    await feed.close();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('polls all of them after a missed notification', async () => {
    const { feed, told, watch, gap } = await setUp();
    watch('a');
    watch('b');
    gap();
    expect(told).toEqual(['a', 'b']);
    await feed.close();
  });

  it('clears the timers of watchers that left', async () => {
    const { told, watch } = await setUp();
    const [first, second] = [watch('a'), watch('a')];
    first();
    expect(jest.getTimerCount()).toBe(1);
    second();
    expect(jest.getTimerCount()).toBe(0);
    expect(told).toEqual([]);
  });
});
