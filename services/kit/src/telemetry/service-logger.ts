import { createLogger, type Logger } from './logger';

/** Creates the logger of a service from its configuration. */
export function createServiceLogger(
  service: string,
  config: {
    LOG_LEVEL: string;
    LOG_FORMAT: 'json' | 'google';
    GOOGLE_CLOUD_PROJECT?: string | undefined;
    PUBSUB_PROJECT_ID?: string | undefined;
  },
): Logger {
  const { LOG_LEVEL: level, LOG_FORMAT: format } = config;
  const project = config.GOOGLE_CLOUD_PROJECT ?? config.PUBSUB_PROJECT_ID;
  return createLogger({ service, level, format, project });
}
