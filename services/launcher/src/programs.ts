import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Config } from './config';
import type { Program } from './launch';

/**
 * The two services as programs: built, or in development their sources, restarted on every change.
 * They inherit the environment, except for where they listen, how they log, and where
 * offers finds confirm-payment.
 */
export function programs(options: {
  root: string;
  config: Config;
  env: NodeJS.ProcessEnv;
  dev: boolean;
}): Program[] {
  const { root, config, env, dev } = options;
  const program = (
    name: string,
    portVariable: 'OFFERS_PORT' | 'CONFIRM_PAYMENT_PORT',
    more: NodeJS.ProcessEnv = {},
  ): Program => {
    const folder = join(root, 'services', name);
    const watched = ['--watch', '--watch-preserve-output', '--conditions=source'];
    const sources = [...watched, '-r', 'ts-node/register', join(folder, 'src', 'main.ts')];
    // A variable and its file must not both be set; an empty one counts as unset.
    const own = { HOST: config.HOST, PORT: String(config[portVariable]), LOG_FORMAT: '' };
    const files = { HOST_FILE: '', PORT_FILE: '', LOG_FORMAT_FILE: '' };
    return {
      name,
      portVariable,
      args: dev ? sources : [join(folder, 'dist', 'main.js')],
      env: { ...env, TS_NODE_TRANSPILE_ONLY: 'true', ...more, ...own, ...files },
      restartsItself: dev,
    };
  };
  const isGiven = [env['CONFIRM_PAYMENT_URL'], env['CONFIRM_PAYMENT_URL_FILE']].some(Boolean);
  const found = { CONFIRM_PAYMENT_URL: urlOf(config.HOST, config.CONFIRM_PAYMENT_PORT) };
  return [
    program('confirm-payment', 'CONFIRM_PAYMENT_PORT'),
    program('offers', 'OFFERS_PORT', isGiven ? {} : found),
  ];
}

/** The URL at which this machine reaches a server that listens on `host`. Not `localhost`, which may be another address. */
function urlOf(host: string, port: number): string {
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${isIPv6(address) ? `[${address}]` : address}:${String(port)}`;
}

/** What to try once both run. */
export function hint({ HOST, OFFERS_PORT }: Config, { AUTH_MODE }: NodeJS.ProcessEnv): string {
  const url = urlOf(HOST, OFFERS_PORT);
  const token =
    AUTH_MODE === 'jwt' ? ' -H "Authorization: Bearer $(npm run -s token -- cristina)"' : '';
  return `
  Both services are running. In another terminal, try:

    curl -X GET ${url}/offers${token}
    curl -X POST ${url}/checkout${token} -H "Content-Type: application/json" -d '{ "user_id": "cristina", "loan_id": "offer2" }'

  Or open ${url} in a browser. The API is described at ${url}/docs. Ctrl-C stops both.
`;
}
