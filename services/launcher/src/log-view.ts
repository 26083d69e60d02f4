import { createLogFormatter } from './log-formatter';

/** How late a line may arrive and still be sorted. A service writes its lines every 100 ms. */
const WINDOW_MS = 250;

/** Shows the log lines of several processes in the order of their times, or of their arrival without a time. */
export function createLogView(options: {
  write: (text: string) => void;
  colorize: boolean;
  showAudit: boolean;
}) {
  const format = createLogFormatter(options);
  let waiting: { time: number; text: string }[] = [];

  function show(until: number): void {
    // Sorting keeps the order of lines with the same time.
    waiting.sort((a, b) => a.time - b.time);
    const due = waiting.filter(({ time }) => time <= until);
    waiting = waiting.slice(due.length);
    for (const { text } of due) options.write(text);
  }
  const timer = setInterval(() => {
    show(Date.now() - WINDOW_MS);
  }, WINDOW_MS).unref();

  return {
    add: (line: string) => {
      const shown = format(line);
      if (shown) waiting.push(shown);
    },
    close: () => {
      clearInterval(timer);
      show(Infinity);
    },
  };
}
