import { reasonOf } from '../catalogue/failure-reason';
import type { Provider } from '../catalogue/provider';
import { withDeadline } from '../catalogue/with-deadline';

const HEADINGS = ['provider', 'outcome', 'versions', 'offers', 'dropped', 'ms'] as const;

/** Asks all providers once, concurrently, and prints a table of the results. Returns how many failed. */
export async function checkProviders(
  providers: readonly Provider[],
  print: (line: string) => void,
): Promise<number> {
  let failures = 0;
  const rows = await Promise.all(
    providers.map(async ({ name, timeoutMs, fetchOffers }) => {
      const startedAt = performance.now();
      const tookMs = () => (performance.now() - startedAt).toFixed(0);
      try {
        const result = await withDeadline(timeoutMs, async (deadline) => fetchOffers({}, deadline));
        const { offers, unread = 0, dropped = {}, versions = '' } = result;
        const outcome = unread > 0 ? `partial: ${String(unread)} unread` : 'ok';
        const reasons = Object.entries(dropped).map(([why, count]) => `${String(count)} ${why}`);
        return [name, outcome, versions, String(offers.length), reasons.join(', '), tookMs()];
      } catch (error) {
        failures += 1;
        const message = error instanceof Error ? error.message : String(error);
        return [name, `${reasonOf(error)}: ${message}`, '', '', '', tookMs()];
      }
    }),
  );
  printTable([HEADINGS, ...rows], print);
  return failures;
}

const MAX_CELL = 60;

function printTable(rows: readonly (readonly string[])[], print: (line: string) => void): void {
  const cells = rows.map((row) => row.map(plain));
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  for (const row of cells) {
    const padded = row.map((cell, column) => cell.padEnd(widths[column]!));
    print(padded.join('  ').trimEnd());
  }
}

/** Makes a provider's text safe for a terminal: one short line. */
function plain(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Cs}]+/gu, ' ');
  return line.length > MAX_CELL ? `${line.slice(0, MAX_CELL - 1)}…` : line;
}
