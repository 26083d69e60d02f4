import type { z } from 'zod';
import type { MessageBus } from './message-bus';

/** Publishes one event. Rejects if the event may not have arrived. */
export type PublishEvent<Event> = (event: Event) => Promise<void>;

/** Publishes CloudEvents to a topic, in structured mode (JSON format 1.0), with their subject as the ordering key. */
export function createPublishEvent<
  Event extends { subject: string; traceparent?: string | undefined },
>(bus: Pick<MessageBus, 'publish'>, topic: string): PublishEvent<Event> {
  return (event) =>
    bus.publish(topic, {
      body: JSON.stringify(event),
      contentType: 'application/cloudevents+json',
      orderingKey: event.subject,
      traceparent: event.traceparent,
    });
}

/** A message that cannot be handled: redelivering it cannot help. */
export class UnusableMessageError extends Error {
  readonly code = 'unusable-message';
  override readonly name = 'UnusableMessageError';
}

/** Our events have about 800 characters. */
const MAX_LENGTH = 8192;

/**
 * Parses a message of at most {@link MAX_LENGTH}.
 *
 * @throws {UnusableMessageError} with `fault`. Never quotes the message: its sender could write to our log.
 */
export function readEvent<Event>(body: string, schema: z.ZodType<Event>, fault: string): Event {
  const event = body.length <= MAX_LENGTH ? schema.safeParse(parseJson(body)).data : undefined;
  if (!event) throw new UnusableMessageError(fault);
  return event;
}

/**
 * Parses JSON, and skips a byte order mark (RFC 8259, section 8.1). Returns undefined if the text is invalid: an error
 * would quote the text, and so would the log.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}
