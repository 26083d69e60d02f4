import type { MessageBus } from '@loan-buddy/kit/message-bus';
import { asksForDecision, type OrderEvent } from './order-event';

/** Publishes one event to all who are to have it; rejects unless all of them do. */
export type PublishEvent = (event: OrderEvent) => Promise<void>;

/**
 * Publishes events as CloudEvents in structured mode (JSON format 1.0), those of one order in order.
 *
 * @param topics.events gets all of them
 * @param topics.checkouts gets those after which somebody has to decide
 */
export function createPublishToBus(
  bus: Pick<MessageBus, 'publish'>,
  topics: { events: string | undefined; checkouts: string | undefined },
): PublishEvent {
  return async (event) => {
    const message = {
      body: JSON.stringify(event),
      contentType: 'application/cloudevents+json',
      orderingKey: event.subject,
    };
    const wanted = [topics.events, asksForDecision(event.type) ? topics.checkouts : undefined];
    await Promise.all(
      wanted.filter((topic) => topic !== undefined).map((topic) => bus.publish(topic, message)),
    );
  };
}
