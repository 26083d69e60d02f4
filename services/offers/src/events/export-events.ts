import { z } from 'zod';
import type { EventLog } from './event-log';
import { toRow, type EventFormat } from './event-row';

const PAGE = 1000;
/** How long to wait for transactions that may still commit earlier events. */
const WAIT_MS = 5000;

/** A day or a time from which to export. */
export const sinceSchema = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], 'must be a time in ISO 8601')
  .transform((text) => new Date(text));

/**
 * Writes the events in order, and returns the position to continue from next time. Keeps one page in memory, and waits
 * for a slow reader.
 *
 * @param options.after position of the last exported event; 0 for none
 */
export async function exportEvents(
  log: Pick<EventLog, 'horizon' | 'page'>,
  options: { after: number; since?: Date | undefined; limit: number; format: EventFormat },
  write: (rows: string) => Promise<void>,
): Promise<{ count: number; last: number }> {
  const { after, since, limit, format } = options;
  const upTo = await log.horizon(after, WAIT_MS);
  let count = 0;
  let last = after;
  for (;;) {
    const size = Math.min(PAGE, limit - count);
    const page = size > 0 ? await log.page({ after: last, upTo, since, limit: size }) : [];
    if (page.length > 0) await write(page.map(({ event }) => toRow(event, format)).join(''));
    count += page.length;
    last = page.at(-1)?.seq ?? last;
    if (page.length < size || size === 0) return { count, last };
  }
}
