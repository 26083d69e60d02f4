import type { Response } from 'express';
import { isAbandoned, securityHeaders } from '@loan-buddy/kit/server';

/** A client waits this long before it reconnects. */
const RETRY_MS = 1000;
/** So that no proxy closes an idle stream. */
const HEARTBEAT_MS = 15_000;

/**
 * Turns a response into a stream of server-sent events (WHATWG HTML, section 9.2). Calls `onClosed` when the client
 * leaves, or after `end`.
 */
export function openEventStream(res: Response, onClosed: () => void) {
  res.writeHead(
    200,
    securityHeaders.concat(
      ['Content-Type', 'text/event-stream', 'Cache-Control', 'no-store'],
      // Some proxies buffer a response unless this header forbids it.
      ['X-Accel-Buffering', 'no', 'X-Request-Id', res.req.requestId],
    ),
  );
  const heartbeat = setInterval(() => {
    // If the client does not read, do not add to what is waiting.
    if (!res.writableNeedDrain) res.write(':\n\n');
  }, HEARTBEAT_MS);
  const end = () => {
    // The response may close much later, behind another on its connection; a write until then would fail.
    clearInterval(heartbeat);
    res.end();
  };
  const handleClose = () => {
    clearInterval(heartbeat);
    onClosed();
  };
  // The client may have left while the handler prepared the first events.
  if (isAbandoned(res)) queueMicrotask(handleClose);
  else res.once('close', handleClose);
  res.write(`retry: ${String(RETRY_MS)}\n\n`);
  // A response to HEAD has no body.
  if (res.req.method === 'HEAD') end();
  return {
    /** Without an id, the client keeps its last event id. */
    send: ({ id, type, data }: { id?: string; type: string; data: object }) => {
      if (res.writableEnded) return;
      const idLine = id === undefined ? '' : `id: ${id}\n`;
      res.write(`${idLine}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    end,
  };
}
