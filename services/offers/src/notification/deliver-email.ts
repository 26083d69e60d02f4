import type { Logger } from '@loan-buddy/kit';
import { pauseAfter } from './attempt-delays';
import { composeEmail } from './compose-email';
import type { EmailJob, EmailJobStore } from './email-job-store';
import { EmailNotSentError, type SendEmail } from './send-email';

/**
 * Writes to the user that an order has come to its end, and records what came of it. What dies in between writes again,
 * under the same `Message-ID`. Once the signal aborts, the server is not waited for any longer: what it took by then is
 * sent again when its lease is over.
 *
 * @throws {DatabaseUnavailableError} where that could not be recorded: it is sent again when its lease is over.
 */
export function createDeliverEmail(dependencies: {
  jobs: Pick<EmailJobStore, 'recordSent' | 'recordFailure'>;
  send: SendEmail;
  /** The pause before each attempt. */
  delaysMs: readonly number[];
  logger: Logger;
}): (job: EmailJob, signal: AbortSignal) => Promise<void> {
  const { jobs, send, delaysMs, logger } = dependencies;
  return async (job, signal) => {
    const attempts = job.attempts + 1;
    const log = { orderId: job.data.order_id, attempts };
    try {
      const messageId = `${job.eventId}@loan-buddy`;
      await send({ ...composeEmail(job.data), to: job.to, messageId }, signal);
    } catch (error) {
      if (!(error instanceof EmailNotSentError)) throw error;
      if (signal.aborted) return;
      const dueInMs = error.isPermanent ? undefined : pauseAfter(attempts, delaysMs);
      await jobs.recordFailure(job, { reason: error.message, dueInMs });
      const told = { ...log, reason: error.message };
      if (dueInMs === undefined) logger.warn(told, 'e-mail given up');
      else logger.warn(told, 'e-mail not sent');
      return;
    }
    await jobs.recordSent(job);
    logger.info(log, 'e-mail sent');
  };
}
