import { createLifecycle, createLogger, runProcess, serve } from '@loan-buddy/kit';
import { createApp } from './app';
import { readConfig } from './config';
import { decide } from './decide';
import { createSimulateTrouble } from './simulate-trouble';

void runProcess('confirm-payment', async () => {
  const config = readConfig(process.env);
  const logger = createLogger({ service: 'confirm-payment', level: config.LOG_LEVEL });
  const lifecycle = createLifecycle();
  const app = createApp({
    logger,
    lifecycle,
    decide: (amount) => decide(amount, config.APPROVAL_THRESHOLD),
    simulateTrouble: createSimulateTrouble({
      latencyMs: config.SIMULATED_LATENCY_MS,
      failureRate: config.SIMULATED_FAILURE_RATE,
    }),
  });
  const server = await serve({ app, lifecycle, logger, config });
  return { logger, shutdownTimeoutMs: config.SHUTDOWN_TIMEOUT_MS, close: server.close };
});
