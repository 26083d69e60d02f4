/** How long one call to Pub/Sub may take. */
export const CALL_TIMEOUT_MS = 5000;

// gRPC status codes.
export const NOT_FOUND = 5;
export const ALREADY_EXISTS = 6;

/** One attempt: the publisher keeps the message and retries. The client itself would retry for 10 minutes. */
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

/** Returns the status code of a failed call, or undefined for any other error. */
export function grpcCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
