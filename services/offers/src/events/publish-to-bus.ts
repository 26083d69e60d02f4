import type { MessageBus } from '@loan-buddy/kit/message-bus';
import type { OrderEvent } from './order-event';

/** Publishes one event; rejects where it may not have arrived. */
export type PublishEvent = (event: OrderEvent) => Promise<void>;

/** Publishes events to a topic as CloudEvents in structured mode (JSON format 1.0), with the order's id as the key. */
export function createPublishToBus(bus: Pick<MessageBus, 'publish'>, topic: string): PublishEvent {
  return (event) =>
    bus.publish(topic, {
      body: JSON.stringify(event),
      contentType: 'application/cloudevents+json',
      orderingKey: event.subject,
    });
}
