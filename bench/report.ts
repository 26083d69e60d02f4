import { medianOf, ratioTo, type Metric, type Result } from './measure';

/** Before the name of a server of an earlier build. */
export const EARLIER = 'earlier build: ';

/** A column of a table; undefined leaves its cell empty. */
export interface Column {
  title: string;
  cell: (result: Result, all: readonly Result[]) => string | undefined;
}

export const throughput: Metric = ({ requestsPerSecond }) => requestsPerSecond;
export const p50: Metric = ({ p50Ms }) => p50Ms;
export const p99: Metric = ({ p99Ms }) => p99Ms;
export const cpuOf =
  (meter: string): Metric =>
  ({ cpuMicros }) =>
    cpuMicros[meter]!;

export const formatMs = (ms: number) => `${ms.toFixed(ms < 10 ? 2 : 1)} ms`;

export const cpuColumn = (title: string, meter: string): Column => ({
  title,
  cell: (result) => {
    const micros = medianOf(result, cpuOf(meter));
    return Number.isNaN(micros) ? undefined : `${micros.toFixed(0)} µs`;
  },
});

/** Requests per second, p50 and p99. */
export const loadColumns = (requests = 'requests/s'): Column[] => [
  { title: requests, cell: (result) => medianOf(result, throughput).toFixed(0) },
  { title: 'p50', cell: (result) => formatMs(medianOf(result, p50)) },
  { title: 'p99', cell: (result) => formatMs(medianOf(result, p99)) },
];

/** Relative to the first row. */
export const timesFirst = (title: string, metric: Metric): Column => ({
  title,
  cell: (result, all) => ratioTo(all[0]!, result, metric).toFixed(2),
});

/** Relative to the same server of the earlier build. The table has this column only if there is such a build. */
export const timesEarlier = (what: string, metric: Metric): Column => ({
  title: `× earlier: ${what}`,
  cell: (result, all) => {
    const earlier = all.find(({ name }) => name === EARLIER + result.name);
    return earlier && ratioTo(earlier, result, metric).toFixed(2);
  },
});

/** Prints the results as a table in Markdown. */
export function report(title: string, results: readonly Result[], columns: Column[]): void {
  const filled = columns.filter(({ cell }) => results.some((result) => cell(result, results)));
  printTable(
    [title, ...filled.map((column) => column.title)],
    results.map((result) => [
      result.name,
      ...filled.map(({ cell }) => cell(result, results) ?? ''),
    ]),
  );
}

export function printTable(titles: readonly string[], rows: readonly string[][]): void {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  console.log(line(titles));
  console.log(
    `|---|${titles
      .slice(1)
      .map(() => '--:|')
      .join('')}`,
  );
  for (const row of rows) console.log(line(row));
  console.log();
}
