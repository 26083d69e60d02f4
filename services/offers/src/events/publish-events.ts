import type { PublishEvent } from '@loan-buddy/kit/messaging';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { createWorker, type Worker } from '../db/worker';
import type { EventLog, LoggedEvent } from './event-log';
import type { OrderEvent } from '../domain/order-event';

/** Maximum duration of one batch, including its statements; after that, another replica publishes the same events. */
const LEASE_MS = 12_000;
/** Pause before retrying an event that could not be published. */
const PAUSE_MS = 1000;
const BATCH = 100;

/**
 * Publishes the events of the log, one at a time per order. Marks an event only after it is published: if the process
 * dies in between, the event is published again (at least once).
 */
export function createEventPublisher(dependencies: {
  log: Pick<EventLog, 'claimUnpublished' | 'markPublished' | 'release'>;
  publish: PublishEvent<OrderEvent>;
  logger: Logger;
}): Worker {
  const { log, publish, logger } = dependencies;

  /** Returns whether any were published: then their orders may have a next event waiting. */
  async function publishBatch(batch: readonly LoggedEvent[]): Promise<boolean> {
    const results = await Promise.allSettled(batch.map(async ({ event }) => publish(event)));
    const published = batch.filter((_, i) => results[i]!.status === 'fulfilled');
    const failed = batch.filter((_, i) => results[i]!.status === 'rejected');
    const failure = results.find((result) => result.status === 'rejected');
    if (failure) logger.warn({ err: failure.reason as unknown }, 'events not published');
    await log.markPublished(published);
    await log.release(failed, PAUSE_MS);
    return published.length > 0;
  }

  // A job is a batch: its events are claimed and marked together.
  return createWorker({
    name: 'events to publish',
    claim: async () => {
      const batch = await log.claimUnpublished(BATCH, LEASE_MS);
      return batch.length > 0 ? [batch] : [];
    },
    work: publishBatch,
    capacity: () => 1,
    logger,
  });
}
