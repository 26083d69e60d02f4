import { subscribe } from 'node:diagnostics_channel';
import type { IncomingHttpHeaders } from 'node:http';
import { errors, type Dispatcher } from 'undici';

/** A response that has arrived completely. */
export interface CompleteResponse {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** This side ended the exchange before the response was complete. */
export class ExchangeEndedError extends Error {
  override readonly name = 'ExchangeEndedError';

  constructor(
    readonly code: 'timeout' | 'canceled' | 'too-large',
    message: string,
  ) {
    super(message);
  }
}

/**
 * Sends one request and reads its whole response, without the streams and abort signals that undici's `request` creates
 * for each. Whatever ends the exchange early also ends its connection.
 *
 * With `statusOnly`, whatever fails after the status has arrived only ends the body: the response counts.
 *
 * @throws {ExchangeEndedError} `timeout` after `timeoutMs`, if given; `canceled` once the signal aborts; `too-large`
 * above the dispatcher's `maxResponseSize`.
 * @throws whatever undici reports about the connection.
 */
export function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  limits: { timeoutMs?: number; signal: AbortSignal | undefined; statusOnly?: boolean },
): Promise<CompleteResponse> {
  const { timeoutMs, signal, statusOnly = false } = limits;
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let failure: Error | undefined;
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];

    const expire = () => {
      end(new ExchangeEndedError('timeout', `no response within ${String(timeoutMs)} ms`));
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
    const cancel = () => {
      end(new ExchangeEndedError('canceled', 'canceled by the caller'));
    };
    signal?.addEventListener('abort', cancel, { once: true });

    function end(error?: Error): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      if (error && !(statusOnly && status >= 200)) reject(error);
      else {
        const [first] = chunks;
        const body = first && chunks.length === 1 ? first : Buffer.concat(chunks);
        resolve({ status, headers, body });
      }
      failure = error;
      if (error) controller?.abort(error);
    }

    if (signal?.aborted) {
      cancel();
      return;
    }
    dispatcher.dispatch(request, {
      onRequestStart: (started) => {
        controller = started;
        if (failure) started.abort(failure);
      },
      onResponseStart: (_, statusCode, responseHeaders) => {
        status = statusCode;
        headers = responseHeaders;
      },
      onResponseData: (_, chunk) => {
        chunks.push(chunk);
      },
      onResponseEnd: () => {
        end();
      },
      onResponseError: (_, error) => {
        if (failure) return;
        const isTooLarge = error instanceof errors.ResponseExceededMaxSizeError;
        end(isTooLarge ? new ExchangeEndedError('too-large', error.message) : error);
      },
    });
  });
}

/**
 * A client ignores interim responses (RFC 9110, section 15.2). undici 7 does, except that it closes the connection on a
 * 100 (Continue), since it never sends `Expect`. So its parser sees a 102 (Processing) instead.
 */
subscribe('undici:client:connected', (message) => {
  const { socket } = message as { socket: Record<symbol, InterimParser> };
  const key = Object.getOwnPropertySymbols(socket).find(
    ({ description }) => description === 'parser',
  );
  const parser = key && socket[key];
  if (!parser) return;
  const { onHeadersComplete } = parser;
  parser.onHeadersComplete = (status, ...rest) =>
    onHeadersComplete.call(parser, status === 100 ? 102 : status, ...rest);
});

interface InterimParser {
  onHeadersComplete: (status: number, ...rest: unknown[]) => number;
}
