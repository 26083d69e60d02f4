import { createTransport } from 'nodemailer';
import type { ComposedEmail } from './compose-email';

/** Why an e-mail was not taken. It repeats nothing of what the server said: that may name the address. */
export class EmailNotSentError extends Error {
  readonly code = 'email-not-sent';
  override readonly name = 'EmailNotSentError';

  constructor(
    message: string,
    /** Whether it never will be: the server refuses this very content or its receiver. */
    readonly isPermanent: boolean,
  ) {
    super(message);
  }
}

/** @throws {EmailNotSentError} also once the signal aborts: nobody knows then whether the server took it. */
export type SendEmail = (
  email: ComposedEmail & { to: string; messageId: string },
  signal: AbortSignal,
) => Promise<void>;

/** What the whole may take, in longest silences: a server that drips its answers is never silent. */
const SILENCES = 4;

/**
 * Sends e-mail through an SMTP server, over a connection for each.
 *
 * @param options.url `smtp://` (with STARTTLS where the server has it) or `smtps://`, with user and password where the
 * server wants them
 * @param options.timeoutMs longest silence of the server, and longest time to connect; all of it together may take four
 * times as long
 */
export function createSendEmail(options: {
  url: string;
  from: string;
  timeoutMs: number;
}): SendEmail {
  const { url, from, timeoutMs } = options;
  const transport = createTransport({
    url,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    // A message is made of text and nothing else.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return async ({ to, messageId, subject, text, html }, signal) => {
    const ending = new AbortController();
    const end = () => {
      ending.abort();
    };
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    const timer = setTimeout(end, SILENCES * timeoutMs);
    try {
      await transport.sendMail({
        from,
        // As an object, so that nothing in the address is read as a second one.
        to: { name: '', address: to },
        messageId: `<${messageId}>`,
        subject,
        text,
        html,
        headers: { 'Auto-Submitted': 'auto-generated' },
        signal: ending.signal,
      });
    } catch (error) {
      throw notSent(error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
  };
}

/** What nodemailer tells of a failure; all of it is missing where the server did not answer. */
interface Refusal {
  code?: unknown;
  /** What was answered: `RCPT TO` and the like. */
  command?: unknown;
  responseCode?: unknown;
  response?: unknown;
}

/** Not of a receiver, though it may be the answer to one: no session of that kind now (503), or not without a password. */
const ABOUT_THE_SESSION = [503, 530];
/**
 * Of the sender (X.1.7, X.1.8), or of security and policy, relaying among them (X.7): servers say so as late as they hear
 * of the receiver (RFC 3463, section 3).
 */
const ABOUT_US = /^\d{3}[ -]5\.(1\.[78]|7\.\d+)\b/;

function notSent(error: unknown): EmailNotSentError {
  const { code, responseCode } = error as Refusal;
  const known = typeof code === 'string' ? code : 'no code';
  const said =
    typeof responseCode === 'number' ? `, the server answered ${String(responseCode)}` : '';
  return new EmailNotSentError(
    `the e-mail was not sent (${known}${said})`,
    isPermanent(error as Refusal),
  );
}

/** Only what is said of the receiver or of the content: whatever is wrong with us may be put right in time. */
function isPermanent({ code, command, responseCode, response }: Refusal): boolean {
  if (typeof responseCode !== 'number' || responseCode < 500) return false;
  if (code === 'EMESSAGE') return true;
  if (code !== 'EENVELOPE' || command !== 'RCPT TO') return false;
  const isAboutUs = typeof response === 'string' && ABOUT_US.test(response);
  return !isAboutUs && !ABOUT_THE_SESSION.includes(responseCode);
}
