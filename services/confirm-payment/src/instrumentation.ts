import { startTracing, type Tracing } from '@loan-buddy/kit/telemetry';

/** `main.ts` imports this right after `./arguments`: tracing instruments only what is loaded later. */
export const tracing: Tracing | undefined = startTracing('confirm-payment', process.env);
