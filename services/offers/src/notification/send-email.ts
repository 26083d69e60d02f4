import { createTransport } from 'nodemailer';
import type { ComposedEmail } from './compose-email';

/** Why an e-mail was not taken. It repeats nothing of what the server said: that may name the address. */
export class EmailNotSentError extends Error {
  readonly code = 'email-not-sent';
  override readonly name = 'EmailNotSentError';

  constructor(
    message: string,
    /** Whether it never will be: the server refuses this very message or its receiver. */
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

/** nodemailer's codes for what the server says of the addresses and of the message, not of us. */
const ABOUT_THE_MESSAGE = ['EENVELOPE', 'EMESSAGE'];

function notSent(error: unknown): EmailNotSentError {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
  const known = typeof code === 'string' ? code : 'no code';
  const answered = typeof responseCode === 'number' ? responseCode : undefined;
  const isPermanent =
    ABOUT_THE_MESSAGE.includes(known) && answered !== undefined && answered >= 500;
  const said = answered === undefined ? '' : `, the server answered ${String(answered)}`;
  return new EmailNotSentError(`the e-mail was not sent (${known}${said})`, isPermanent);
}
