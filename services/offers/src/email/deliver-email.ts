import type { Logger } from '@loan-buddy/kit/telemetry';
import { scheduledPauseMs } from '../db/backoff';
import { composeEmail } from './compose-email';
import type { EmailJob, EmailJobStore } from './email-job-store';
import { EmailNotSentError, type SendEmail } from './send-email';

/**
 * E-mails the user that an order was decided or failed, and records the result. If the process dies in between, the
 * e-mail is sent again with the same `Message-ID`. Once the signal aborts, stops waiting for the server: an e-mail it
 * may have accepted is sent again after its lease.
 *
 * @throws {DatabaseUnavailableError} if the result could not be recorded: the e-mail is sent again after its lease.
 */
export function createDeliverEmail(dependencies: {
  jobs: Pick<EmailJobStore, 'recordSent' | 'recordFailure'>;
  send: SendEmail;
  /** Pause before each attempt. */
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
      const dueInMs = error.isPermanent ? undefined : scheduledPauseMs(attempts, delaysMs);
      await jobs.recordFailure(job, error.message, dueInMs);
      const message = dueInMs === undefined ? 'e-mail failed permanently' : 'e-mail not sent';
      logger.warn({ ...log, reason: error.message }, message);
      return;
    }
    await jobs.recordSent(job);
    logger.info(log, 'e-mail sent');
  };
}
