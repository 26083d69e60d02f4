import { createLogView } from './log-view';

const line = (second: number, msg: string) =>
  JSON.stringify({
    level: 'info',
    service: 'a',
    time: `2025-07-08T12:30:0${String(second)}.000Z`,
    msg,
  });

describe('createLogView', () => {
  it('shows lines in the order of their times, and lines with the same time as they arrive', () => {
    jest.useFakeTimers({ now: new Date('2025-07-08T12:30:00.000Z') });
    const shown: string[] = [];
    const write = (text: string) => shown.push(text);
    const view = createLogView({ write, colorize: false, showAudit: false });
    for (const each of [line(2, 'c'), line(1, 'a'), line(1, 'b'), line(9, 'e')]) view.add(each);
    expect(shown).toEqual([]);
    jest.setSystemTime(new Date('2025-07-08T12:30:04.000Z'));
    jest.advanceTimersByTime(250);
    expect(shown.map((text) => text.at(-1))).toEqual(['a', 'b', 'c']);
    view.add(line(8, 'd'));
    view.close();
    expect(shown.map((text) => text.at(-1))).toEqual(['a', 'b', 'c', 'd', 'e']);
    jest.useRealTimers();
  });
});
