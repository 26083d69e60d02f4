import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startHttpServer, until } from '@loan-buddy/kit/testing';
import { SMTPServer } from 'smtp-server';
import { atEnd } from './at-end';
import type { ReceivedSpan } from './otlp-receiver';
import type { ServiceProcess } from './service-process';

export const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
/** The client's own span. */
export const PARENT = '00f067aa0ba902b7';
export const traced = { traceparent: `00-${TRACE}-${PARENT}-01` };
export const cristina = { user_id: 'cristina', loan_id: 'offer2', email: 'cristina@example.com' };

/** Every request asks its provider, so that a trace does not depend on what is cached. */
export const uncached = { OFFERS_TTL_MS: '0', OFFERS_MAX_AGE_MS: '0' };

/** Starts a mail server and a receiver of webhooks. Returns the environment, and what requests the receiver got. */
export async function startReceivers() {
  const mail = new SMTPServer({ authOptional: true, disabledCommands: ['STARTTLS'] });
  mail.listen(0, '127.0.0.1');
  await once(mail.server, 'listening');
  atEnd(
    () =>
      new Promise<void>((resolve) => {
        mail.close(resolve);
      }),
  );
  const { port } = mail.server.address() as AddressInfo;
  const requests: IncomingHttpHeaders[] = [];
  const webhooks = await startHttpServer((req, res) => {
    requests.push(req.headers);
    req.resume();
    res.end();
  });
  atEnd(webhooks.close);
  const env = {
    ALLOW_PRIVATE_WEBHOOKS: 'true',
    SMTP_URL: `smtp://127.0.0.1:${String(port)}`,
    SMTP_FROM: 'offers@example.com',
  };
  return { env, webhookUrl: `${webhooks.url}/token-4711`, requests };
}

/** Sends a request until it is not shed: a slow machine may be overloaded. */
export async function untilServed(send: () => Promise<Response>): Promise<Response> {
  let response: Response | undefined;
  await until(async () => (response = await send()).status !== 503);
  return response!;
}

export async function register(url: string, webhookUrl: string) {
  const response = await untilServed(() =>
    fetch(`${url}/webhook-endpoints`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ url: webhookUrl }),
    }),
  );
  expect(response.status).toBe(201);
}

/** Waits until spans with all of these names have arrived. */
export function untilReceived(spans: readonly ReceivedSpan[], names: readonly string[]) {
  return until(() => names.every((name) => spans.some((span) => span.name === name)));
}

/** Returns the spans of the client's trace, without requests that were shed, and a function that finds one by its name. */
export function inTrace(spans: readonly ReceivedSpan[]) {
  const own = spans.filter(
    ({ traceId, attributes }) =>
      traceId === TRACE && attributes['http.response.status_code'] !== 503,
  );
  const one = (name: string) => {
    const found = own.filter((span) => span.name === name);
    if (found.length !== 1) throw new Error(`${String(found.length)} spans ${name}`);
    return found[0]!;
  };
  return { own, one };
}

/** Expects a log line of the client's trace with this message, and in it the ids of the span. */
export async function expectIds(log: ServiceProcess['log'], msg: string, { spanId }: ReceivedSpan) {
  const isIt = (line: ServiceProcess['log'][number]) =>
    line['msg'] === msg && line['trace_id'] === TRACE && (line['status'] ?? 0) !== 503;
  await until(() => log.some(isIt));
  expect(log.filter(isIt).map((line) => line['span_id'])).toEqual([spanId]);
}

/** Returns the ids of the traces that the exemplars of a route lead to. */
export async function exemplarsOf(url: string, route: string): Promise<string[]> {
  const headers = { accept: 'application/openmetrics-text' };
  const text = await (await fetch(`${url}/metrics`, { headers })).text();
  const exemplars = text.matchAll(/^http_request_\S+_bucket(\{.+\}) \d+ # \{trace_id="(\w+)"\} /gm);
  const ofRoute = [...exemplars].filter(([, labels]) => labels!.includes(`route="${route}"`));
  return [...new Set(ofRoute.map(([, , id]) => id!))];
}

export function expectNoPersonalData(spans: readonly ReceivedSpan[]) {
  const text = JSON.stringify(spans);
  for (const secret of ['cristina', 'example.com', 'token-4711'])
    expect(text).not.toContain(secret);
  const keys = new Set(
    spans
      .filter(({ kind }) => kind === 'SERVER')
      .flatMap(({ attributes }) => Object.keys(attributes)),
  );
  for (const key of ['client.address', 'network.peer.address', 'url.query', 'user_agent.original'])
    expect(keys).not.toContain(key);
}

/** The spans that follow a decision, by name and as {@link drawTrace} draws them. */
export const afterDecision = [
  'deliver webhook',
  'UPDATE webhook_deliveries',
  'send e-mail',
  'UPDATE email_jobs',
];

export const notified = [
  '  offers: deliver webhook',
  '    offers: POST',
  '    offers: record delivery',
  '      offers: UPDATE webhook_deliveries',
];
export const mailed = [
  '  offers: send e-mail',
  '    offers: SMTP',
  '    offers: UPDATE email_jobs',
];
