import type { Express } from 'express';
import type { Running } from '../process/run';
import type { Logger } from '../telemetry/logger';
import type { Lifecycle } from './lifecycle';
import { serve } from './serve';
import type { ServerConfig } from './server-variables';

/** What a service consists of, and how it starts and ends. */
interface ServiceContext {
  logger: Logger;
  lifecycle: Lifecycle;
  /** Starts the workers. */
  start: () => void;
  /** Ends the waiting requests and the workers, while the server finishes its requests. */
  stop: () => Promise<void>;
  /** Closes the connections, after that. */
  close?: () => Promise<void>;
}

/**
 * Serves the app of a context, and starts its workers. Stops and closes the context if the server cannot listen.
 *
 * @throws {ListenError} if the server cannot listen on the address.
 */
export async function serveContext<Context extends ServiceContext>(
  context: Context,
  createApp: (context: Context) => Express,
  config: ServerConfig,
): Promise<Running> {
  const { logger, lifecycle, start, stop, close } = context;
  try {
    const server = await serve({ app: createApp(context), lifecycle, logger, config });
    start();
    return {
      logger,
      shutdownTimeoutMs: config.SHUTDOWN_TIMEOUT_MS,
      close: async () => {
        await Promise.all([server.close(), stop()]);
        await close?.();
      },
    };
  } catch (error) {
    await stop();
    await close?.();
    throw error;
  }
}
