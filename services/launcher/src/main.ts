/** `npm start` builds and runs both services; `npm run dev` runs their sources and restarts them on every change. */
import './greeting';
import { npmAncestors, watchAncestors } from './ancestors';
import { join } from 'node:path';
import { runCommand, StartError, UsageError } from '@loan-buddy/kit/process';
import { build } from './build';
import { readConfig } from './config';
import { developmentAuth } from './development-auth';
import { launch } from './launch';
import { createLogView } from './log-view';
import { hint, programs } from './programs';
import { useColors } from './log-formatter';
import { stopSignals } from './stop-signals';

const usage = `usage: npm start
       npm run dev
Builds and runs both services in this terminal, until Ctrl-C. npm run dev runs their sources instead, and restarts them
on every change. docs/configuration.md lists the variables that both read from the environment.`;

const root = join(__dirname, '..', '..', '..');

/** Returns why the services ended: undefined if asked to, empty if the reason has been printed. */
async function runServices(dev: boolean): Promise<string | undefined> {
  const config = readConfig(process.env);
  const { stop, force, end } = stopSignals();
  watchAncestors(npmAncestors(process.env['npm_lifecycle_script']), end);
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
  const env = { ...process.env, ...(await developmentAuth(process.env)) };
  const onReady = () => {
    view.add(hint(config, env));
  };
  const running = programs({ root, config, env, dev });
  const reason = await launch({ programs: running, stop, force, print: view.add, onReady });
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
  options: { dev: { type: 'boolean', default: false } },
  run: async ({ positionals, values }) => {
    if (positionals.length > 0) throw new UsageError('npm start takes no arguments');
    const reason = await runServices(values.dev).catch((error: unknown) => {
      const { code = '', path } = error as NodeJS.ErrnoException;
      throw path === undefined ? error : new FileUnusableError(`cannot use ${path} (${code})`);
    });
    if (reason === undefined) return;
    if (reason !== '') process.stderr.write(`${reason}\n`);
    process.exitCode = 1;
  },
});
