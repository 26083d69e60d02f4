import { join } from 'node:path';
import type { Config } from './config';
import type { Program } from './launch';

/**
 * The two services as programs: built, or in development their sources, restarted on every change.
 * They get the environment as it is, but for the ports and where offers finds confirm-payment.
 */
export function programs(options: {
  root: string;
  config: Config;
  env: NodeJS.ProcessEnv;
  dev: boolean;
}): Program[] {
  const { root, config, env, dev } = options;
  const program = (name: string, port: number, more: NodeJS.ProcessEnv = {}): Program => {
    const folder = join(root, 'services', name);
    const built = [join(folder, 'dist', 'main.js')];
    const watched = ['--watch', '--watch-preserve-output', '--conditions=source'];
    const sources = [...watched, '-r', 'ts-node/register', join(folder, 'src', 'main.ts')];
    return {
      name,
      readyUrl: `http://localhost:${String(port)}/readyz`,
      args: dev ? sources : built,
      env: { ...env, TS_NODE_TRANSPILE_ONLY: 'true', ...more, PORT: String(port) },
    };
  };
  // As for every variable, an empty one counts as unset.
  const given = env['CONFIRM_PAYMENT_URL'] ?? '';
  const own = `http://localhost:${String(config.CONFIRM_PAYMENT_PORT)}`;
  const confirmPaymentUrl = given === '' ? own : given;
  return [
    program('confirm-payment', config.CONFIRM_PAYMENT_PORT),
    program('offers', config.OFFERS_PORT, { CONFIRM_PAYMENT_URL: confirmPaymentUrl }),
  ];
}

/** What to try once both run. */
export function hint({ OFFERS_PORT }: Config, { AUTH_MODE }: NodeJS.ProcessEnv): string {
  const url = `http://localhost:${String(OFFERS_PORT)}`;
  const token =
    AUTH_MODE === 'jwt' ? ' -H "Authorization: Bearer $(npm run -s token -- cristina)"' : '';
  return `
  Both services are running. In another terminal, try:

    curl -X GET ${url}/offers${token}
    curl -X POST ${url}/checkout${token} -H "Content-Type: application/json" -d '{ "user_id": "cristina", "loan_id": "offer2" }'

  The API is described at ${url}/docs. Ctrl-C stops both.
`;
}
