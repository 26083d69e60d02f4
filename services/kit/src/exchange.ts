import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';

/** A response of which all bytes have arrived. */
export interface CompleteResponse {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** The body is longer than the caller was willing to read. */
export class ResponseTooLargeError extends Error {
  readonly code = 'response-too-large';
  override readonly name = 'ResponseTooLargeError';
}

/**
 * One request and its whole response, without the streams and abort signals that undici's `request` makes for each.
 * Whatever ends the exchange early also ends its connection, so that nothing of it lingers.
 *
 * @throws a DOMException `TimeoutError` once `timeoutMs` have passed, `AbortError` once the signal aborts;
 * {@link ResponseTooLargeError} above `maxBytes`; else what undici reports.
 */
export function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  limits: { timeoutMs: number; maxBytes: number; signal: AbortSignal | undefined },
): Promise<CompleteResponse> {
  const { timeoutMs, maxBytes, signal } = limits;
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let failure: Error | undefined;
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    let bytes = 0;

    const timer = setTimeout(() => {
      end(new DOMException(`no answer in ${String(timeoutMs)} ms`, 'TimeoutError'));
    }, timeoutMs);
    const cancel = () => {
      end(new DOMException('the caller no longer waits', 'AbortError'));
    };
    signal?.addEventListener('abort', cancel, { once: true });

    function end(error?: Error): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      if (error) {
        failure = error;
        reject(error);
        controller?.abort(error);
      } else resolve({ status, headers, body: Buffer.concat(chunks, bytes).toString() });
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
        bytes += chunk.length;
        if (bytes > maxBytes) end(new ResponseTooLargeError(`the body has over ${String(maxBytes)} bytes`));
        else chunks.push(chunk);
      },
      onResponseEnd: () => {
        end();
      },
      onResponseError: (_, error) => {
        if (!failure) end(error);
      },
    });
  });
}
