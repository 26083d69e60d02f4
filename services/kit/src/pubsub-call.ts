/** How long one call to Pub/Sub may take. */
export const CALL_TIMEOUT_MS = 5000;

// gRPC status codes.
export const NOT_FOUND = 5;
export const ALREADY_EXISTS = 6;

/** One attempt: whoever publishes keeps what must be sent, and tries again. The client itself would go on for 10 minutes. */
export const oneAttempt = {
  timeout: CALL_TIMEOUT_MS,
  retry: {
    retryCodes: [],
    backoffSettings: {
      initialRetryDelayMillis: 100,
      retryDelayMultiplier: 1,
      maxRetryDelayMillis: 100,
      initialRpcTimeoutMillis: CALL_TIMEOUT_MS,
      rpcTimeoutMultiplier: 1,
      maxRpcTimeoutMillis: CALL_TIMEOUT_MS,
      totalTimeoutMillis: CALL_TIMEOUT_MS,
    },
  },
};

/** The status code of a call that failed; undefined if something else did. */
export function grpcCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
