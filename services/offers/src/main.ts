import { runProcess } from '@loan-buddy/kit/process';
import { serve } from '@loan-buddy/kit/server';
import { createApp } from './app';
import { readConfig } from './config';
import { openContext } from './context';

void runProcess('offers', async () => {
  const config = readConfig(process.env);
  const context = await openContext(config);
  const { logger, lifecycle, start, stop, close } = context;
  try {
    const server = await serve({ app: createApp(context), lifecycle, logger, config });
    start();
    return {
      logger,
      shutdownTimeoutMs: config.SHUTDOWN_TIMEOUT_MS,
      close: async () => {
        await Promise.all([server.close(), stop()]);
        await close();
      },
    };
  } catch (error) {
    await stop();
    await close();
    throw error;
  }
});
