/** `npm start` builds and runs both services; `npm run dev` runs their sources and restarts them on every change. */
import './greeting';
import { join } from 'node:path';
import { runCommand, StartError, UsageError } from '@loan-buddy/kit/process';
import { build } from './build';
import { readConfig } from './config';
import { developmentAuth } from './development-auth';
import { launch } from './launch';
import { createLogView } from './log-view';
import { watchNpm } from './npm-parent';
import { hint, programs } from './programs';
import { useColors } from './log-formatter';
import { stopSignals } from './stop-signals';

const usage = `usage: npm start [-- --env-file FILE]
       npm run dev [-- --env-file FILE]
Builds and runs both services in this terminal, until Ctrl-C. npm run dev runs their sources instead, and restarts them
on every change. docs/configuration.md lists the variables that both read from the environment.`;

const root = join(__dirname, '..', '..', '..');

/** Returns why the services ended: undefined if asked to, empty if the reason has been printed. */
async function runServices(dev: boolean, npm: string): Promise<string | undefined> {
  const config = readConfig(process.env);
  const { stop, force, end } = stopSignals();
  watchNpm(Number(npm), end);
  // Writing fails once the reader has left, as in `npm start | head`.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', end);
  const print = (line: string) => process.stdout.write(`${line}\n`);
  if (!dev && !(await build({ folder: join(root, 'services'), stop, print }))) {
    return stop.aborted ? undefined : '';
  }
  print('Starting both services.');
  const view = createLogView({
    write: print,
    colorize: useColors(process.env, process.stdout.isTTY),
    showAudit: config.LOG_AUDIT,
  });
  const env = { ...process.env, ...developmentAuth(process.env) };
  const reason = await launch({
    programs: programs({ root, config, env, dev }),
    stop,
    force,
    print: view.add,
    onReady: () => {
      view.add(hint(config, env));
    },
  });
  view.close();
  if (force.aborted) process.exit(130);
  return reason;
}

/** A file error needs no stack: the only files that the launcher itself uses are the development keys. */
class FileUnusableError extends StartError {
  readonly code = 'file-unusable';
}

void runCommand({
  name: 'loan-buddy',
  usage,
  readsEnv: true,
  options: { dev: { type: 'boolean', default: false }, npm: { type: 'string', default: '' } },
  run: async ({ positionals, values }) => {
    if (positionals.length > 0) throw new UsageError('npm start takes no arguments');
    const reason = await runServices(values.dev, values.npm).catch((error: unknown) => {
      const { code = '', path } = error as NodeJS.ErrnoException;
      throw path === undefined ? error : new FileUnusableError(`cannot use ${path} (${code})`);
    });
    if (reason === undefined) return;
    if (reason !== '') process.stderr.write(`${reason}\n`);
    process.exitCode = 1;
  },
});
