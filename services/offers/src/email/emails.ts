import { createCounter, inLinkedSpan, inSpan } from '@loan-buddy/kit/telemetry';
import type { Sweep } from '../db/sweep';
import { createWorker, type SendingOptions } from '../db/worker';
import { scheduledPauseMs } from '../db/backoff';
import { composeEmail } from './compose-email';
import { createEmailJobStore, type EmailJob } from './email-job-store';
import { EmailNotSentError, type SendEmail } from './send-email';

/** Maximum concurrent e-mails, each over its own connection. */
const CONCURRENCY = 4;
/** Longer than sending one may take, including its statements. */
const LEASE_MS = 300_000;

const countAttempt = createCounter({
  name: 'loan_buddy_email_attempts_total',
  help: 'Attempts to send an e-mail: sent, retried later, or failed for good.',
  label: 'outcome',
  values: ['sent', 'retried', 'failed'],
});

/** Sends due e-mails in the background, or skips them without `send`: no checkout or decision waits for them. */
export function createEmails(options: SendingOptions & { send: SendEmail | undefined }) {
  const { db, send, delaysMs, retentionMs, pollMs, graceMs, logger } = options;
  const jobs = createEmailJobStore(db);

  /**
   * E-mails the user that an order was decided or failed, and records the result. If the process dies in between, or the
   * signal aborts, the e-mail is sent again after its lease, with the same `Message-ID`.
   */
  const deliver = async (sendEmail: SendEmail, job: EmailJob, signal: AbortSignal) => {
    const attempts = job.attempts + 1;
    const log = { orderId: job.data.order_id, attempts };
    try {
      const messageId = `${job.eventId}@loan-buddy`;
      const email = { ...composeEmail(job.data), to: job.to, messageId };
      await inSpan('SMTP', { kind: 'CLIENT' }, () => sendEmail(email, signal));
    } catch (error) {
      if (!(error instanceof EmailNotSentError)) throw error;
      if (signal.aborted) return;
      const dueInMs = error.isPermanent ? undefined : scheduledPauseMs(attempts, delaysMs);
      await jobs.recordFailure(job, error.message, dueInMs);
      countAttempt(dueInMs === undefined ? 'failed' : 'retried');
      const message = dueInMs === undefined ? 'e-mail failed permanently' : 'e-mail not sent';
      logger.warn({ ...log, reason: error.message }, message);
      return;
    }
    await jobs.recordSent(job);
    countAttempt('sent');
    logger.info(log, 'e-mail sent');
  };

  return {
    worker:
      send &&
      createWorker({
        name: 'due e-mails',
        claim: (limit) => jobs.claimDue(limit, LEASE_MS),
        work: (job, signal) =>
          inLinkedSpan('send e-mail', spanOf(job), () => deliver(send, job, signal)),
        capacity: () => CONCURRENCY,
        pollMs,
        graceMs,
        logger,
      }),
    sweeps: [
      { rows: 'e-mail jobs', sweep: (signal) => jobs.deleteEnded(retentionMs, signal) },
      ...(send ? [] : [{ rows: 'e-mails to send', sweep: jobs.skipDue }]),
    ] satisfies Sweep[],
  };
}

function spanOf({ traceparent, data }: EmailJob) {
  const attributes = { 'loan_buddy.order.id': data.order_id };
  return { kind: 'CONSUMER', traceparent, attributes } as const;
}
