import { once } from 'node:events';
import { releaseSlot } from '@loan-buddy/kit/admission';
import { ValidationError } from '@loan-buddy/kit/problem';
import { endpoint, securityHeaders } from '@loan-buddy/kit/server';
import { z } from 'zod';
import { administerOrders } from './access';
import type { EventLog } from '../events/event-log';
import { eventFormats, headOf } from '../events/event-row';
import { exportEvents, sinceSchema } from '../events/export-events';
import type { OrderFeed } from '../events/order-feed';
import { TooManyStreamsError } from './get-order-events';
import { integerParameter } from './number-parameter';
import { signalOf } from './prefer';
import { ordersTag } from './tags';

/** Maximum concurrent exports of this replica: they share one connection to the database with other long work. */
const MAX_EXPORTS = 2;
/** A client that reads nothing for this long is cut off: it would block other exports for ever. */
const STALL_MS = 60_000;

const contentTypes = { ndjson: 'application/x-ndjson', csv: 'text/csv' };

export function getEvents(dependencies: {
  withEventLog: <Result>(work: (log: EventLog) => Promise<Result>) => Promise<Result>;
  feed: Pick<OrderFeed, 'closing'>;
}) {
  const { withEventLog, feed } = dependencies;
  let running = 0;
  return endpoint(
    {
      method: 'get',
      path: '/events',
      operationId: 'exportEvents',
      tag: ordersTag,
      summary: 'Export the events of all orders',
      description:
        'For operators: the events in order, one row each, as `npm run events -- export` writes them. A response that is cut off has no end (chunked encoding); continue it with `after`. So is one that its client does not read for a minute.',
      access: administerOrders,
      query: z.object({
        after: z.uuid().optional().meta({
          description: 'The `id` of the last event that you have; only later ones follow.',
        }),
        since: sinceSchema.optional().meta({ description: 'Leaves out earlier events.' }),
        format: z.enum(eventFormats).default('ndjson'),
        limit: integerParameter({ digits: 9, min: 1, max: 999_999_999 })
          .optional()
          .meta({ description: 'Return at most this many events.' }),
      }),
      responses: {
        200: {
          description: 'The events: CloudEvents in lines of JSON, or CSV.',
          schema: z.string(),
          contentType: Object.values(contentTypes),
        },
      },
      problems: ['too-many-streams', 'database-unavailable'],
    },
    async ({ query: { after: afterId, since, format, limit = Infinity }, req, res }) => {
      if (running >= MAX_EXPORTS) {
        const detail = `At most ${String(MAX_EXPORTS)} exports may run at once.`;
        throw new TooManyStreamsError(detail, { retryAfterSeconds: 30 });
      }
      const signal = signalOf(res);
      const cut = () => res.destroy();
      const begin = (after: number) => {
        if (res.headersSent) return;
        res.writeHead(200, [
          ...securityHeaders,
          ...['Content-Type', `${contentTypes[format]}; charset=utf-8`],
          ...['Cache-Control', 'no-store', 'X-Request-Id', req.requestId],
        ]);
        if (after === 0) res.write(headOf(format));
      };
      running += 1;
      releaseSlot(req);
      feed.closing.addEventListener('abort', cut);
      try {
        await withEventLog(async (log) => {
          const after = afterId === undefined ? 0 : await log.findSeq({ id: afterId });
          if (after === undefined) {
            const detail = 'is not the id of an event, or the event was deleted';
            throw new ValidationError([{ detail, parameter: 'after' }]);
          }
          // The head waits for the first rows: until then, a failure can still be a problem document.
          if (req.method !== 'HEAD') {
            await exportEvents(log, { after, since, limit, format }, async (rows) => {
              begin(after);
              if (res.write(rows)) return;
              const stalled = setTimeout(cut, STALL_MS);
              await once(res, 'drain', { signal }).finally(() => {
                clearTimeout(stalled);
              });
              signal.throwIfAborted();
            });
          }
          begin(after);
          res.end();
        });
      } catch (error) {
        // The client has left, or the process is about to.
        if (!signal.aborted) throw error;
      } finally {
        running -= 1;
        feed.closing.removeEventListener('abort', cut);
      }
    },
  );
}
