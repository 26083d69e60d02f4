import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@loan-buddy/kit/telemetry';
import { Client, type ClientConfig } from 'pg';
import { settingsSql, type Server } from './session';

const RECONNECT_MS = 1000;
/** Polling interval where no notification arrives. */
const POLL_MS = 500;

/**
 * Listens to a channel of the database (PostgreSQL's LISTEN) until the returned function is called. `onGap` is called
 * when notifications may have been missed.
 */
export type Listen = (
  channel: string,
  listener: { onNotification: (payload: string) => void; onGap: () => void },
) => Promise<() => Promise<void>>;

/**
 * Listens on a dedicated connection, and reconnects when it breaks. Only TCP keep-alive detects a connection that broke
 * silently: a listener that must not miss anything has to poll as well.
 */
export function createPostgresListen(
  options: Server & { config: ClientConfig },
  logger: Logger,
): Listen {
  return (channel, { onNotification, onGap }) => {
    // A listening session would not stay ours.
    if (options.sharesSessions) {
      const timer = setInterval(onGap, POLL_MS);
      return Promise.resolve(() => {
        clearInterval(timer);
        return Promise.resolve();
      });
    }
    const stopping = new AbortController();
    let client: Client | undefined;

    const listen = async (): Promise<void> => {
      const ended = new Promise<void>((resolve) => {
        client = new Client({
          ...options.config,
          application_name: 'offers listening',
          keepAliveInitialDelayMillis: 10_000,
        });
        client.on('error', () => undefined);
        client.on('end', resolve);
        client.on('notification', ({ payload = '' }) => {
          onNotification(payload);
        });
      });
      // `connect` never settles if the client is ended meanwhile.
      await Promise.race([client!.connect(), ended]);
      if (stopping.signal.aborted) return;
      await client!.query(settingsSql(options));
      await client!.query(`listen ${channel}`);
      onGap();
      await ended;
    };

    const run = async (): Promise<void> => {
      while (!stopping.signal.aborted) {
        await listen().catch((error: unknown) => {
          logger.warn({ err: error }, 'cannot listen to the database');
        });
        await client?.end().catch(() => undefined);
        await sleep(RECONNECT_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    };
    const running = run();

    return Promise.resolve(async () => {
      stopping.abort();
      await client?.end().catch(() => undefined);
      await running;
    });
  };
}
