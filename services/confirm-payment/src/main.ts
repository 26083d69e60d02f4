import { runProcess } from '@loan-buddy/kit/process';
import { serve } from '@loan-buddy/kit/server';
import { createApp } from './app';
import { readConfig } from './config';
import { openContext } from './context';

void runProcess('confirm-payment', async () => {
  const config = readConfig(process.env);
  const context = await openContext(config);
  const { logger, lifecycle, start, close } = context;
  try {
    const server = await serve({ app: createApp(context), lifecycle, logger, config });
    start();
    return {
      logger,
      shutdownTimeoutMs: config.SHUTDOWN_TIMEOUT_MS,
      close: async () => {
        await Promise.all([server.close(), close()]);
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
});
