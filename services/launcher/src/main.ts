/** `npm start` builds and runs both services; `npm run dev` runs their sources and restarts them on every change. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ConfigError } from '@loan-buddy/kit';
import { readConfig, type Config } from './config';
import { developmentAuth } from './development-auth';
import { launch } from './launch';
import { hint, programs } from './programs';
import { readable } from './readable';

const root = join(__dirname, '..', '..', '..');

function build(): void {
  const tsc = require.resolve('typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-b', join(root, 'services')], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}

async function main(config: Config, dev: boolean): Promise<void> {
  if (!dev) build();
  const stop = new AbortController();
  const end = () => {
    stop.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  // Nobody reads any longer, as in `npm start | head`.
  process.stdout.on('error', end);
  const env = { ...process.env, ...(await developmentAuth(process.env)) };
  const reason = await launch({
    programs: programs({ root, config, env, dev }),
    stop: stop.signal,
    print: (line) => process.stdout.write(`${readable(line)}\n`),
    onReady: () => process.stdout.write(`${hint(config, env)}\n`),
  });
  if (reason === undefined) return;
  process.stderr.write(`\n${reason}\n`);
  process.exitCode = 1;
}

try {
  void main(readConfig(process.env), process.argv.includes('--dev'));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
