/** `npm start` builds and runs both services; `npm run dev` runs their sources and restarts them on every change. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ConfigError } from '@loan-buddy/kit';
import { readConfig, type Config } from './config';
import { launch, type Program } from './launch';
import { readable } from './readable';

const root = join(__dirname, '..', '..', '..');
const dev = process.argv.includes('--dev');

function build(): void {
  const tsc = require.resolve('typescript/bin/tsc');
  const { status } = spawnSync(
    process.execPath,
    [tsc, '-b', 'services/offers', 'services/confirm-payment'],
    {
      cwd: root,
      stdio: 'inherit',
    },
  );
  if (status !== 0) process.exit(status ?? 1);
}

function program(name: string, port: number, env: NodeJS.ProcessEnv = {}): Program {
  const folder = join(root, 'services', name);
  return {
    name,
    readyUrl: `http://localhost:${String(port)}/readyz`,
    env: {
      ...process.env,
      TS_NODE_TRANSPILE_ONLY: 'true',

      ...env,
      PORT: String(port),
    },
    args: dev
      ? [
          '--watch',
          '--watch-preserve-output',
          '--conditions=source',
          '-r',
          'ts-node/register',
          join(folder, 'src', 'main.ts'),
        ]
      : [join(folder, 'dist', 'main.js')],
  };
}

function hint(offersPort: number): string {
  const url = `http://localhost:${String(offersPort)}`;
  return `
  Both services are running. In another terminal, try:

    curl ${url}/offers
    curl -X POST ${url}/checkout -H "Content-Type: application/json" -d '{ "user_id": "cristina", "loan_id": "offer2" }'

  The API is described at ${url}/docs. Ctrl-C stops both.
`;
}

async function main({ OFFERS_PORT, CONFIRM_PAYMENT_PORT }: Config): Promise<void> {
  if (!dev) build();
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop.abort();
    });
  }
  const reason = await launch({
    programs: [
      program('confirm-payment', CONFIRM_PAYMENT_PORT),
      program('offers', OFFERS_PORT, {
        CONFIRM_PAYMENT_URL:
          process.env['CONFIRM_PAYMENT_URL'] ?? `http://localhost:${String(CONFIRM_PAYMENT_PORT)}`,
      }),
    ],
    stop: stop.signal,
    print: (line) => process.stdout.write(`${readable(line)}\n`),
    onReady: () => process.stdout.write(`${hint(OFFERS_PORT)}\n`),
  });
  if (reason === undefined) return;
  process.stderr.write(`\n${reason}\n`);
  process.exitCode = 1;
}

try {
  void main(readConfig(process.env));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
