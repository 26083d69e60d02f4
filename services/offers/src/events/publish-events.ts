import type { PublishEvent } from '@loan-buddy/kit/messaging';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { createPoller, type Poller } from '../db/poller';
import type { EventLog, LoggedEvent } from './event-log';
import type { OrderEvent } from '../domain/order-event';

/**
 * Maximum duration of one round of publishing, including its statements; after that, another replica publishes the same
 * events.
 */
const LEASE_MS = 12_000;
/** Pause before retrying an event that could not be published. */
const PAUSE_MS = 1000;
/** Events published concurrently. */
const BATCH = 100;

/**
 * Publishes the events of the log, one at a time per order. Marks an event only after it is published: if the process
 * dies in between, the event is published again (at least once).
 */
export function createEventPublisher(dependencies: {
  log: Pick<EventLog, 'claimUnpublished' | 'markPublished' | 'release'>;
  publish: PublishEvent<OrderEvent>;
  logger: Logger;
}): Poller {
  const { log, publish, logger } = dependencies;

  async function publishBatch(): Promise<boolean> {
    const taken = await log.claimUnpublished(BATCH, LEASE_MS);
    if (taken.length === 0) return false;
    const failed: LoggedEvent[] = [];
    const published: LoggedEvent[] = [];
    await Promise.all(
      taken.map(async (each) => {
        try {
          await publish(each.event);
          published.push(each);
        } catch (error) {
          if (failed.push(each) === 1) logger.warn({ err: error }, 'events not published');
        }
      }),
    );
    if (published.length > 0) await log.markPublished(published.map(({ seq }) => seq));
    if (failed.length > 0)
      await log.release(
        failed.map(({ seq }) => seq),
        PAUSE_MS,
      );
    // The published events' orders may have a next event waiting.
    return published.length > 0;
  }

  return createPoller({ name: 'events to publish', work: publishBatch, logger });
}
