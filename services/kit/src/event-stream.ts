import type { Response } from 'express';
import { isAbandoned, securityHeaders } from './reply';

/** How often something is said on a silent stream, so that nobody between takes it for dead. */
const HEARTBEAT_MS = 15_000;

/** Server-sent events to one client (WHATWG HTML, section 9.2). */
export interface EventStream {
  /** Sends an event; `data` goes as JSON. */
  send: (event: { id: string; type: string; data: object }) => void;
  /** Says no more. */
  end: () => void;
}

/**
 * Turns a response into a stream of events, at most until the client leaves: then `onClosed` is called, as it is after
 * `end`. The client is told to wait `retryMs` before it connects again.
 */
export function openEventStream(
  res: Response,
  { retryMs, onClosed }: { retryMs: number; onClosed: () => void },
): EventStream {
  res.writeHead(
    200,
    securityHeaders.concat(
      ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-store'],
      // Some proxies gather an answer before they pass it on, unless they are told not to.
      ['X-Accel-Buffering', 'no', 'X-Request-Id', res.req.requestId],
    ),
  );
  const heartbeat = setInterval(() => {
    // To whoever does not read what is there already, nothing is added.
    if (!res.writableNeedDrain) res.write(':\n\n');
  }, HEARTBEAT_MS);
  const end = () => {
    // It may close much later, behind another response on its connection, and what is written until then is an error.
    clearInterval(heartbeat);
    res.end();
  };
  const closed = () => {
    clearInterval(heartbeat);
    onClosed();
  };
  // The client may have left while the first of it was looked up.
  if (isAbandoned(res)) queueMicrotask(closed);
  else res.once('close', closed);
  res.write(`retry: ${String(retryMs)}\n\n`);
  // To a HEAD nothing more is said.
  if (res.req.method === 'HEAD') end();
  return {
    send: ({ id, type, data }) => {
      if (res.writableEnded) return;
      res.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    end,
  };
}
