/** `npm start` builds and runs both services; `npm run dev` runs their sources and restarts them on every change. */
import './greeting';
import { npmAncestors, watchAncestors } from './ancestors';
import { join } from 'node:path';
import { StartError } from '@loan-buddy/kit';
import { build } from './build';
import { readConfig } from './config';
import { developmentAuth } from './development-auth';
import { launch } from './launch';
import { createLogView } from './log-view';
import { hint, programs } from './programs';
import { useColors } from './readable';
import { stopSignals } from './stop-signals';

const root = join(__dirname, '..', '..', '..');
/** @returns why it ended, if nothing asked it to. */
async function main(dev: boolean): Promise<string | undefined> {
  const config = readConfig(process.env);
  const { stop, force, end } = stopSignals();
  watchAncestors(npmAncestors(process.env['npm_lifecycle_script']), end);
  // The reader has left, as in `npm start | head`.
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

main(process.argv.includes('--dev')).then(
  (reason) => {
    if (reason === undefined) return;
    if (reason !== '') process.stderr.write(`${reason}\n`);
    process.exitCode = 1;
  },
  (error: unknown) => {
    const { code = '', path, message } = error as NodeJS.ErrnoException;
    const isExpected = error instanceof StartError || path !== undefined;
    if (!isExpected) throw error;
    // A file's error: the launcher's only files are the keys of development.
    const reason = path === undefined ? message : `cannot use ${path} (${code})`;
    process.stderr.write(`loan-buddy: ${reason}\n`);
    process.exitCode = 1;
  },
);
