/** Runs the commands in README.md and docs/, and compares their output with the output shown there. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { itUnless, startHttpServer, until } from '@loan-buddy/kit/testing';
import { newFailedOrder, type FailedOrder } from './support/failed-order';
import { startPair, type Pair } from './support/npm-start';
import { atEnd } from './support/at-end';
import { describeOnce, newStorage } from './support/postgres';
import { patient, root } from './support/service-process';

interface Block {
  commands: string[];
  shown?: string;
}

const { addressed, blank, blocksOf, isShown } = jest.requireActual<{
  addressed: (command: string, pair: Pair) => string;
  blank: (text: string) => string;
  blocksOf: (markdown: string) => Block[];
  isShown: (output: string, shown: string) => boolean;
}>('../.ci/documented-commands.js');

/** The commands that this test does not run, and why. */
const notRun: [RegExp, string][] = [
  [/^npm ci && /, 'installs the packages; .ci/run runs it'],
  [/^npm run kind:up$/, 'needs Docker and Kind'],
  [/^([A-Z_]+=\S+ )?docker /, 'needs Docker'],
  [/^(helm|kubectl) /, 'needs a cluster'],
  [/^(gcloud|terraform) /, 'needs Google Cloud'],
  [/^PUBSUB_EMULATOR_HOST=.* npm start$/, 'needs the Pub/Sub emulator'],
  [/ npm run providers -- check$/, 'asks banks on the internet'],
];
const isNotRun = (command: string) => notRun.some(([pattern]) => pattern.test(command));
const isStart = (command: string) => /^([A-Z_]+=\S+ )*npm start$/.test(command);
const isRun = (command: string) => /\bcurl |^npm run /.test(command);

const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
const blocks = new Map(
  ['README.md', ...docs.map((name) => `docs/${name}`)]
    .map((file) => [file, blocksOf(readFileSync(join(root, file), 'utf8'))] as const)
    .filter(([, found]) => found.length > 0),
);
const commands = [...blocks.values()].flat().flatMap((block) => block.commands);

describeOnce('the documentation', () => {
  it('each command is run, or listed as not run', () => {
    const known = [isNotRun, isStart, isRun];
    expect(commands.filter((command) => !known.some((is) => is(command)))).toEqual([]);
  });

  it.each(notRun)('a command listed as not run is still documented: %s', (pattern) => {
    expect(commands.filter((command) => pattern.test(command))).not.toEqual([]);
  });

  it.each([...blocks.keys()])('%s shows the output of its commands', async (file) => {
    const found = blocks.get(file)!;
    const needsOrder = found.some(({ commands }) => commands.join().includes('ORDER_ID'));
    const { run, start } = await setUp(needsOrder ? await newFailedOrder() : undefined);
    for (const { commands, shown } of found) {
      const running = commands.filter((command) => !isNotRun(command));
      if (running.some(isStart)) {
        expect(running).toHaveLength(1);
        await start(running[0]!);
      } else if (running.length > 0) await expectShown(() => run(running), running, shown);
    }
  });

  describe('the first part of the README', () => {
    for (const shell of ['bash', 'zsh']) {
      const isInstalled = spawnSync(shell, ['-c', 'true']).status === 0;
      itUnless(isInstalled ? undefined : `no ${shell}`)(`works in ${shell}`, async () => {
        const { offers, confirmPayment } = await startPair('npm start', {
          ...patient,
          DATABASE_URL: 'memory:',
        });
        const pair = ['--offers', offers, '--confirm-payment', confirmPayment];
        const args = ['.ci/check-readme.mjs', ...pair, '--shell', shell];
        const { status, stderr } = spawnSync(process.execPath, args, {
          cwd: root,
          encoding: 'utf8',
        });
        expect([status, stderr]).toEqual([0, '']);
      });
    }
  });
});

/** Repeats a read-only command until its output matches: a decision takes time. */
async function expectShown(run: () => Promise<string>, commands: string[], shown?: string) {
  const onlyReads = commands.every((command) => /^curl (?!.* -(d|X POST) )/.test(command));
  let output = await run();
  if (shown === undefined) {
    expect(output).not.toContain(':problem:');
    return;
  }
  if (onlyReads) {
    await until(async () => {
      if (isShown(output, shown)) return true;
      output = await run();
      return false;
    }).catch(() => undefined);
  }
  // If it differs, Jest prints both.
  expect(isShown(output, shown) ? shown : blank(output)).toBe(shown);
}

/** Starts pairs of services, and runs commands against them. The operators' commands have their own database. */
async function setUp(failed?: FailedOrder) {
  const folder = mkdtempSync(join(tmpdir(), 'documented-'));
  atEnd(() => {
    rmSync(folder, { recursive: true });
  });
  const register = await startHttpServer((_, res) => res.end('{"data":[]}'));
  atEnd(register.close);
  const serviceEnv = { ...patient, ...(await newStorage()) };
  const env = {
    ...process.env,
    ...(failed?.storage ?? (await newStorage())),
    ALLOW_PRIVATE_PROVIDERS: 'true',
    CDR_REGISTER_URL: register.url,
  };
  let pair: Pair | undefined;
  let order = '';
  const start = async (line: string) => {
    await pair?.stop();
    pair = await startPair(line, serviceEnv);
    return pair;
  };
  const run = async (lines: string[]) => {
    const script = ['set -e', ...lines, `printf %s "$order" >"${folder}/order"`].join('\n');
    const needsPair = script.includes('localhost:');
    const here = needsPair ? addressed(script, pair ?? (await start('npm start'))) : script;
    const prepared = here
      .replaceAll('ORDER_ID', failed?.id ?? '')
      .replace(/\bevents\.(csv|ndjson)\b/g, `${folder}/$&`);
    const options = { cwd: root, env: { ...env, order } };
    const { stdout } = await promisify(execFile)('sh', ['-c', prepared], options);
    order = readFileSync(join(folder, 'order'), 'utf8');
    return stdout;
  };
  return { run, start };
}
