import { readPreferences } from './prefer';

const read = (...prefer: string[]) =>
  readPreferences({ rawHeaders: prefer.flatMap((line) => ['Prefer', line]) });

describe('readPreferences', () => {
  it.each([
    [['respond-async'], true, undefined],
    [['respond-async, wait=10'], true, 10],
    [['wait=10', 'Respond-Async'], true, 10],
    [['wait = "5" ; why=not'], false, 5],
    [['wait=5, wait=9'], false, 5],
    [['return=minimal; foo="bar", handling=lenient'], false, undefined],
    [['wait=soon'], false, undefined],
    [['wait=-1'], false, undefined],
    [['wait'], false, undefined],
    [['wait=5 9, wait = 7;x'], false, 7],
    [['wait="5, respond-async'], true, undefined],
    [['foo="a, respond-async, b"'], false, undefined],
    [['foo=bar; note="a, respond-async; b", wait=4'], false, 4],
    [[String.raw`foo="a\", respond-async, \\", wait=3`], false, 3],
    [[String.raw`foo="a\", respond-async`], true, undefined],
    [[String.raw`wait="\7"; note=";"`], false, 7],
    [['respond-async=""'], true, undefined],
    [['respond;async', 'respond_async'], false, undefined],
    [[',,;=, respond-async'], true, undefined],
    [[], false, undefined],
  ])('reads %j', (prefer, respondAsync, waitS) => {
    expect(read(...prefer)).toEqual({ respondAsync, waitS });
  });

  it.each([
    ['a lot of white space', ' '.repeat(1_000_000)],
    ['many unclosed quotation marks', `"${String.raw`\"`.repeat(1_000_000)}`],
    ['many quoted strings', '"a"'.repeat(1_000_000)],
  ])('skips %s in linear time', (_, much) => {
    const before = process.cpuUsage();
    expect(read(`a=${much}(, wait=5`)).toMatchObject({ waitS: 5 });
    // CPU time, which other processes do not add to: milliseconds if linear, minutes if quadratic.
    expect(process.cpuUsage(before).user).toBeLessThan(10_000_000);
  });
});
