import { createLoadShedder, OverloadedError } from './load-shedder';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Work that keeps everybody else waiting. */
function work(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

describe('createLoadShedder', () => {
  it('takes so much at a time', () => {
    const { enter, leave } = createLoadShedder(2);
    enter(1);
    enter(0.75);
    expect(() => {
      enter(1);
    }).toThrow(OverloadedError);
    enter(0.25);
    expect(() => {
      enter(0.25);
    }).toThrow(OverloadedError);
    leave(1);
    enter(1);
  });

  it('sheds who waited for others too long, once that is no mere burst', async () => {
    const { enter } = createLoadShedder(Infinity);
    const startedAt = performance.now();
    let shed = 0;
    // Turn after turn, ten at a time that take 10 ms each.
    while (shed === 0) {
      for (let i = 0; i < 10 && shed === 0; i++) {
        try {
          enter(1);
          work(10);
        } catch {
          shed += 1;
        }
      }
      await turn();
    }
    expect(performance.now() - startedAt).toBeGreaterThan(500);
    // The first of each turn is taken all the same.
    enter(1);
    await turn();
    // And one turn that is short makes all well.
    enter(1);
    work(60);
    enter(1);
  });

  it('sheds nobody in a turn that is short, however many there are', async () => {
    const { enter } = createLoadShedder(Infinity);
    for (let i = 0; i < 70; i++) {
      for (let each = 0; each < 1000; each++) enter(1);
      work(10);
      await turn();
    }
  });
});
