import { createOrderFeed } from './order-feed';

const POLL_MS = 5000;

async function setUp() {
  let gap: () => void = () => undefined;
  const feed = await createOrderFeed({
    listen: (_, handlers) => {
      gap = handlers.onGap;
      return Promise.resolve(() => Promise.resolve());
    },
    log: { historyOf: () => Promise.resolve({ events: [] }) },
  });
  const notified: string[] = [];
  const watch = (orderId: string) => feed.watch(orderId, () => notified.push(orderId));
  return { feed, notified, watch, gap };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe('the order feed', () => {
  it('polls for each watched order, each at its own time', async () => {
    const { feed, notified, watch } = await setUp();
    watch('a');
    jest.advanceTimersByTime(POLL_MS / 2);
    watch('b');
    jest.advanceTimersByTime(POLL_MS / 2);
    expect(notified).toEqual(['a']);
    jest.advanceTimersByTime(POLL_MS / 2);
    expect(notified).toEqual(['a', 'b']);
    await feed.close();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('polls all of them after a missed notification', async () => {
    const { feed, notified, watch, gap } = await setUp();
    watch('a');
    watch('b');
    gap();
    expect(notified).toEqual(['a', 'b']);
    await feed.close();
  });

  it('clears the timers of watchers that left', async () => {
    const { notified, watch } = await setUp();
    const [first, second] = [watch('a'), watch('a')];
    first();
    expect(jest.getTimerCount()).toBe(1);
    second();
    expect(jest.getTimerCount()).toBe(0);
    expect(notified).toEqual([]);
  });
});
