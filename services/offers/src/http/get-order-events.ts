import { releaseSlot } from '@loan-buddy/kit/admission';
import { AppError } from '@loan-buddy/kit/problem';
import { endpoint, sendEmpty } from '@loan-buddy/kit/server';
import { openEventStream } from './event-stream';
import { z } from 'zod';
import { mayActFor, readOrders } from './access';
import { DatabaseUnavailableError } from '../db/unavailable';
import { isFinalEvent } from '../domain/order-event';
import type { OrderStore } from '../orders/order-store';
import type { OrderFeed } from '../events/order-feed';
import { orderParams } from './order-body';
import { OrderHiddenError, OrderNotFoundError } from './get-order';
import { ordersTag } from './tags';

/** Sent after a failed attempt. It is not an event of the log, so it has no id. */
const ATTEMPTED = 'order.attempted';

export const orderAttemptedSchema = z
  .object({
    order_id: z.string(),
    attempts: z.int().meta({ description: 'Number of failed attempts to get a decision.' }),
    next_attempt_at: z.iso.datetime({ precision: 3 }).meta({
      description: 'When the next attempt is due; while one is in progress, when its lease ends.',
    }),
  })
  .meta({ id: 'OrderAttempted', description: 'A failed attempt to get a decision on an order.' });

type OrderAttempted = z.output<typeof orderAttemptedSchema>;

/** Maximum open streams per user on this replica: each holds a connection while the order is pending. */
const MAX_STREAMS = 100;

export class TooManyStreamsError extends AppError {
  readonly code = 'too-many-streams';
  override readonly denied = true;
}

export function getOrderEvents(dependencies: {
  feed: OrderFeed;
  orders: Pick<OrderStore, 'find'>;
}) {
  const { feed, orders } = dependencies;
  /** Open streams per user. Streams of unauthenticated clients are not counted. */
  const openStreams = new Map<string, number>();
  const countStream = (subject: string | undefined, change: 1 | -1) => {
    if (subject === undefined) return;
    const count = (openStreams.get(subject) ?? 0) + change;
    if (count > MAX_STREAMS) {
      throw new TooManyStreamsError(`At most ${String(MAX_STREAMS)} streams may be open at once.`, {
        // By then, one of them may have ended.
        retryAfterSeconds: 5,
      });
    }
    if (count === 0) openStreams.delete(subject);
    else openStreams.set(subject, count);
  };
  return endpoint(
    {
      method: 'get',
      path: '/orders/{id}/events',
      operationId: 'streamOrderEvents',
      tag: ordersTag,
      summary: 'The events of one order, as they happen',
      access: readOrders,
      description:
        "Server-sent events: the order's events, each a CloudEvent, and while it is pending, its failed attempts. The stream starts with past events and ends with the decision, or when the order fails. A client that already has all events gets a 204, which tells an EventSource not to reconnect. So does every client once the events were deleted.",
      params: orderParams,
      requestHeaders: {
        'Last-Event-ID': 'The id of the last event received; the stream continues after it.',
      },
      responses: {
        200: {
          // OpenAPI 3.1 cannot describe the items of a stream.
          description:
            "The order's events: `data` is an [OrderEvent](#/components/schemas/OrderEvent) in JSON, `event` is its `type`. After a failed attempt, and after the past events if attempts have failed, `event` is `order.attempted` and `data` is an [OrderAttempted](#/components/schemas/OrderAttempted). It has no `id`: it is not stored, and does not change what `Last-Event-ID` continues after.",
          schema: z.string(),
          contentType: 'text/event-stream',
          headers: { 'X-Accel-Buffering': '`no`: proxies must not buffer the events.' },
        },
        204: { description: 'No more events will follow.' },
      },
      problems: ['order-not-found', 'too-many-streams', 'database-unavailable'],
    },
    async ({ params, caller, req, res }) => {
      const first = await feed.historyOf(params.id);
      const latest = first.events.at(-1);
      // The events of an old order may have been deleted.
      const order = latest ? undefined : await orders.find(params.id);
      const userId = latest?.event.data.user_id ?? order?.userId;
      if (userId === undefined) throw new OrderNotFoundError(params.id);
      if (!mayActFor(caller, userId)) throw new OrderHiddenError(params.id);

      // An id that is not an event of this order counts as none.
      const resumed = first.events.find(({ seq }) => String(seq) === req.get('Last-Event-ID'));
      let lastSeq = resumed?.seq ?? 0;
      const isOver = latest
        ? latest.seq === lastSeq && isFinalEvent(latest.event.type)
        : order?.status !== 'PENDING';
      if (isOver) {
        sendEmpty(res);
        return;
      }
      countStream(caller.subject, 1);
      releaseSlot(req);
      const stream = openEventStream(res, () => {
        countStream(caller.subject, -1);
        unwatch();
        feed.closing.removeEventListener('abort', stream.end);
      });
      let sentAttempts = 0;
      const send = ({ events, failing }: typeof first) => {
        for (const { seq, event } of events.filter((each) => each.seq > lastSeq)) {
          lastSeq = seq;
          sentAttempts = 0;
          stream.send({ id: String(seq), type: event.type, data: event });
        }
        const last = events.at(-1);
        // An earlier read may end after a later one.
        if (failing && failing.attempts > sentAttempts && last?.seq === lastSeq) {
          const { attempts, nextAttemptAt } = failing;
          sentAttempts = attempts;
          const next_attempt_at = nextAttemptAt.toISOString();
          const data: OrderAttempted = { order_id: params.id, attempts, next_attempt_at };
          stream.send({ type: ATTEMPTED, data });
        }
        if (last && isFinalEvent(last.event.type)) stream.end();
      };
      const readAndSend = () => {
        feed.historyOf(params.id).then(send, (error: unknown) => {
          // The next read may succeed. A client that is cut off now gets a 503 when it reconnects, after which an
          // EventSource gives up (WHATWG HTML, section 9.2.3).
          if (!(error instanceof DatabaseUnavailableError)) stream.end();
        });
      };
      const unwatch = feed.watch(params.id, readAndSend);
      feed.closing.addEventListener('abort', stream.end);
      send(first);
      // Catches events since the first read.
      if (feed.closing.aborted) stream.end();
      else readAndSend();
    },
  );
}
