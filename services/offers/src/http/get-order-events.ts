import { endpoint, openEventStream, standAside } from '@loan-buddy/kit';
import { z } from 'zod';
import { mayActFor, readOrders } from './access';
import { isFinalEvent } from '../events/order-event';
import { idSchema } from '../offers/offer';
import type { OrderFeed } from '../orders/order-feed';
import { OrderHiddenError, OrderNotFoundError } from './get-order';

/** How long a client waits before it connects again. */
const RETRY_MS = 1000;

/** How far a client that was cut off got; nothing sane counts as nothing. */
function readLastEventId(sent: string | undefined): number {
  return /^\d{1,15}$/.test(sent ?? '') ? Number(sent) : 0;
}

export function getOrderEvents({ feed }: { feed: OrderFeed }) {
  return endpoint(
    {
      method: 'get',
      path: '/orders/{id}/events',
      operationId: 'streamOrderEvents',
      summary: 'What happens to one order, as it happens',
      access: readOrders,
      description:
        'Server-sent events, each a CloudEvent. The stream begins with what has happened and ends with the decision, or when the order fails.',
      params: z.object({ id: idSchema }),
      requestHeaders: {
        'Last-Event-ID': 'The id of the last event one has got; the next follows.',
      },
      responses: {
        200: {
          description: 'The events.',
          schema: z.string(),
          contentType: 'text/event-stream',
        },
      },
      problems: ['order-not-found', 'database-unavailable'],
    },
    async ({ params, caller, req, res }) => {
      let lastSeq = readLastEventId(req.get('Last-Event-ID'));
      const first = await feed.eventsOf(params.id);
      const [oldest] = first;
      if (!oldest) throw new OrderNotFoundError(params.id);
      if (!mayActFor(caller, oldest.event.data.user_id)) throw new OrderHiddenError(params.id);

      standAside(req);
      const stream = openEventStream(res, {
        retryMs: RETRY_MS,
        onClosed: () => {
          unwatch();
          feed.closing.removeEventListener('abort', stream.end);
        },
      });
      const send = (events: typeof first) => {
        for (const { seq, event } of events) {
          if (seq <= lastSeq) continue;
          lastSeq = seq;
          stream.send({ id: String(seq), type: event.type, data: event });
        }
        const last = events.at(-1);
        if (last && isFinalEvent(last.event.type)) stream.end();
      };
      const look = () => {
        // Whoever is cut off comes back with the id of the last event.
        feed.eventsOf(params.id).then(send, stream.end);
      };
      const unwatch = feed.watch(params.id, look);
      feed.closing.addEventListener('abort', stream.end);
      send(first);
      // What happened since the first look.
      if (feed.closing.aborted) stream.end();
      else look();
    },
  );
}
