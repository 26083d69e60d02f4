import type { z } from 'zod';
import type { MessageBus } from './message-bus';
import { parseJson } from './parse-json';

/** Publishes one event; rejects where it may not have arrived. */
export type PublishEvent<Event> = (event: Event) => Promise<void>;

/** Publishes CloudEvents to a topic, in structured mode (JSON format 1.0), with their subject as the ordering key. */
export function createPublishEvent<Event extends { subject: string }>(
  bus: Pick<MessageBus, 'publish'>,
  topic: string,
): PublishEvent<Event> {
  return (event) =>
    bus.publish(topic, {
      body: JSON.stringify(event),
      contentType: 'application/cloudevents+json',
      orderingKey: event.subject,
    });
}

/** The events of ours have some 800 characters. */
const MAX_LENGTH = 8192;

/** A message as the event it must be; undefined where it is none, or too long to be looked at. */
export function readEvent<Schema extends z.ZodType>(
  body: string,
  schema: Schema,
): z.output<Schema> | undefined {
  return body.length <= MAX_LENGTH ? schema.safeParse(parseJson(body)).data : undefined;
}
