import { createLoadShedder, OverloadedError } from './load-shedder';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Requests that block the event loop: the clock advances only while one is handled. */
function aProcess() {
  let now = 1000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  const { acquire } = createLoadShedder(Infinity);
  /** Handles `requests` in one turn, after a pause; returns how many are shed. */
  return async (requests: number, eachMs: number, pauseMs = 0): Promise<number> => {
    now += pauseMs;
    let shed = 0;
    for (let i = 0; i < requests; i++) {
      try {
        acquire(1);
        now += eachMs;
      } catch {
        shed += 1;
      }
    }
    await turn();
    return shed;
  };
}

describe('createLoadShedder', () => {
  it('accepts up to its limit', () => {
    const { acquire, release } = createLoadShedder(2);
    acquire(1);
    acquire(0.75);
    expect(() => {
      acquire(1);
    }).toThrow(OverloadedError);
    acquire(0.25);
    expect(() => {
      acquire(0.25);
    }).toThrow(OverloadedError);
    release(1);
    acquire(1);
  });

  it('sheds requests that have waited 40 ms, once that has lasted half a second', async () => {
    const take = aProcess();
    const shed: number[] = [];
    for (let i = 0; i < 7; i++) shed.push(await take(10, 10));
    expect(shed).toEqual([0, 0, 0, 0, 0, 6, 6]);
  });

  it('resets its patience after one short turn', async () => {
    const take = aProcess();
    while ((await take(10, 10)) === 0);
    await take(1, 10);
    expect(await take(10, 10)).toBe(0);
  });

  it('sheds nothing in long turns with pauses between them', async () => {
    const take = aProcess();
    for (let i = 0; i < 10; i++) expect(await take(20, 10, 40)).toBe(0);
  });

  it('sheds nothing in short turns, however many requests arrive', async () => {
    const take = aProcess();
    for (let i = 0; i < 100; i++) expect(await take(5, 9)).toBe(0);
  });
});
