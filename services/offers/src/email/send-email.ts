import { createTransport } from 'nodemailer';
import type { ComposedEmail } from './compose-email';

/** Why an e-mail was not accepted. It repeats nothing from the server's response, which may contain the address. */
export class EmailNotSentError extends Error {
  readonly code = 'email-not-sent';
  override readonly name = 'EmailNotSentError';

  constructor(
    message: string,
    /** Whether retrying is useless: the server refused this content or its recipient. */
    readonly isPermanent: boolean,
  ) {
    super(message);
  }
}

/** @throws {EmailNotSentError} also once the signal aborts: whether the server accepted it is then unknown. */
export type SendEmail = (
  email: ComposedEmail & { to: string; messageId: string },
  signal: AbortSignal,
) => Promise<void>;

/** Total time limit as a multiple of the silence limit: a server that drips its responses is never silent. */
const SILENCES = 4;

/**
 * Sends e-mail through an SMTP server, over a new connection for each.
 *
 * @param options.url `smtp://` (with STARTTLS if the server supports it) or `smtps://`, with user and password if needed
 * @param options.timeoutMs maximum silence of the server, and maximum time to connect
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
    // Messages contain only text.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return async ({ to, messageId, subject, text, html }, signal) => {
    // Not AbortSignal.any with a timeout: Node.js 20 may collect the timeout before it fires.
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
        // As an object, so that the address cannot be parsed as two.
        to: { name: '', address: to },
        messageId: `<${messageId}>`,
        subject,
        text,
        html,
        headers: { 'Auto-Submitted': 'auto-generated' },
        signal: ending.signal,
      });
    } catch (error) {
      throw notSent(error as Refusal);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
  };
}

/** nodemailer's error properties; `command` is the refused one, such as `RCPT TO`. */
interface Refusal {
  code?: string;
  command?: string;
  responseCode?: number;
  response?: string;
}

/** About the session, even in response to a recipient: bad sequence (503), or authentication required (530). */
const ABOUT_SESSION = [503, 530];
/**
 * About the sender (X.1.7, X.1.8), or about security and policy, including relaying (X.7). Servers may send these only
 * in response to the recipient (RFC 3463, section 3).
 */
const ABOUT_SENDER = /^\d{3}[ -]5\.(1\.[78]|7\.\d+)\b/;

function notSent(refusal: Refusal): EmailNotSentError {
  const { code = 'no code', responseCode } = refusal;
  const status = responseCode === undefined ? '' : `, the server responded ${String(responseCode)}`;
  return new EmailNotSentError(`the e-mail was not sent (${code}${status})`, isPermanent(refusal));
}

/** Whether the server refused the recipient or the content: an operator may fix anything else in time. */
function isPermanent({ code, command, responseCode = 0, response = '' }: Refusal): boolean {
  if (responseCode < 500) return false;
  if (code === 'EMESSAGE') return true;
  if (code !== 'EENVELOPE' || command !== 'RCPT TO') return false;
  return !ABOUT_SENDER.test(response) && !ABOUT_SESSION.includes(responseCode);
}
