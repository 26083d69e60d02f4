// The spans of messages (semantic conventions for messaging, Google Cloud Pub/Sub).
import type { Message } from '@google-cloud/pubsub';

export function sendSpan(
  topic: string,
  { orderingKey, traceparent }: { orderingKey: string; traceparent?: string | undefined },
) {
  return {
    kind: 'PRODUCER',
    traceparent,
    attributes: {
      'messaging.system': 'gcp_pubsub',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': topic,
      'messaging.gcp_pubsub.message.ordering_key': orderingKey,
    },
  } as const;
}

export function processSpan(subscription: string, message: Message) {
  return {
    kind: 'CONSUMER',
    traceparent: message.attributes['traceparent'],
    attributes: {
      'messaging.system': 'gcp_pubsub',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.subscription.name': subscription,
      'messaging.message.id': message.id,
      'messaging.gcp_pubsub.message.ordering_key': message.orderingKey ?? '',
      'messaging.gcp_pubsub.message.delivery_attempt': message.deliveryAttempt,
    },
  } as const;
}
