import type { EventLog } from '../events/event-log';
import { toRow, type EventFormat } from '../events/event-row';

/** Events read at a time. */
const PAGE = 1000;
/** How long transactions are waited for that may write earlier events than there are. */
const WAIT_MS = 5000;

/**
 * Writes the events there are, in order, and returns the position to continue from next time. It keeps one page in memory at a
 * time, and waits for whoever reads them.
 *
 * @param options.after the position of the last event that was exported before; 0 for none
 * @param options.since leaves out what happened before
 * @param options.limit the first so many
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
    const wanted = Math.min(PAGE, limit - count);
    const page = wanted > 0 ? await log.page({ after: last, upTo, since, limit: wanted }) : [];
    if (page.length > 0) await write(page.map(({ event }) => toRow(event, format)).join(''));
    count += page.length;
    last = page.at(-1)?.seq ?? last;
    if (page.length < wanted || wanted === 0) return { count, last };
  }
}
