/** `--help` of every command and script only prints its usage. They exit 0, 1 if they failed, or 2 for wrong arguments. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeOnce } from './support/postgres';
import { root } from './support/service-process';

// `--` as in the scripts of npm: Node.js itself would read `--env-file`.
const built = (script: string) => [process.execPath, '--', join(root, 'services', script)];
const source = [process.execPath, '-C', 'source', '--', 'services/launcher/start.js'];

/** What an image runs. */
const image = (service: string): string[] => {
  const dockerfile = readFileSync(join(root, 'services', service, 'Dockerfile'), 'utf8');
  return JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)![1]!) as string[];
};

/** How to run each command, and arguments that it refuses. */
const commands: Record<string, { run: string[]; wrong: string[] }> = {
  'npm start': { run: [...source, 'services/launcher/src/main.ts'], wrong: ['now'] },
  'node services/offers/dist/main.js': { run: image('offers'), wrong: ['now'] },
  'node services/confirm-payment/dist/main.js': {
    run: image('confirm-payment'),
    wrong: ['--port', '1'],
  },
  'npm run migrate': { run: built('offers/dist/commands/migrate.js'), wrong: ['now'] },
  'npm run orders': { run: built('offers/dist/commands/orders.js'), wrong: [] },
  'npm run -s events': { run: built('offers/dist/commands/events.js'), wrong: ['--since'] },
  'npm run providers': { run: built('offers/dist/commands/providers.js'), wrong: ['check', 'it'] },
  'npm run -s token': {
    run: [...source, 'services/launcher/src/token.ts'],
    wrong: ['me', '--ttl', 'long'],
  },
  'npm run bench': { run: [...source, 'bench/main.ts'], wrong: ['--quick'] },
  'npm run docs:configuration': {
    run: [...source, '.ci/configuration-tables.ts'],
    wrong: ['now'],
  },
  'kind/up.sh': { run: ['kind/up.sh'], wrong: ['--dry'] },
  'kind/down.sh': { run: ['kind/down.sh'], wrong: ['all'] },
  'npm run kind:check': { run: [process.execPath, 'kind/check/main.mjs'], wrong: ['all'] },
  '.ci/run': { run: ['.ci/run'], wrong: ['verify'] },
  '.ci/repeat': { run: ['.ci/repeat'], wrong: ['npm', 'test'] },
  '.ci/postgres': { run: ['.ci/postgres'], wrong: ['start'] },
  '.ci/pubsub': { run: ['.ci/pubsub'], wrong: ['stop'] },
  '.ci/terraform': { run: ['.ci/terraform'], wrong: ['now'] },
  '.ci/check-image': { run: ['.ci/check-image'], wrong: [] },
  '.ci/check-licenses.mjs': {
    run: [process.execPath, '.ci/check-licenses.mjs'],
    wrong: ['now'],
  },
  '.ci/check-readme.mjs': { run: [process.execPath, '.ci/check-readme.mjs'], wrong: ['now'] },
};

/** Arguments with which a command fails, and the exit code of its tools. */
const failing: [command: string, args: string[], toolCode: number][] = [
  ['npm start', ['--env-file', '/none.env'], 0],
  ['node services/offers/dist/main.js', ['--env-file', '/none.env'], 0],
  ['node services/confirm-payment/dist/main.js', ['--env-file=/none.env'], 0],
  ['npm run migrate', ['--env-file', '/none.env'], 0],
  ['npm run orders', ['list-failed', '--env-file', '/none.env'], 0],
  ['npm run -s events', ['export', '--env-file', '/none.env'], 0],
  ['npm run providers', ['check', '--env-file', '/none.env'], 0],
  ['kind/up.sh', [], 2],
  ['kind/down.sh', [], 2],
  ['.ci/check-image', ['an-image'], 125],
  ['.ci/check-readme.mjs', ['--shell', '/none'], 0],
  ['.ci/repeat', ['1', '0', 'false'], 0],
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'help-'));
  for (const tool of ['docker', 'gcloud', 'helm', 'kind', 'kubectl', 'npm', 'curl', 'pg_config']) {
    const code = `#!/bin/sh\necho ${tool} >>"${folder}/called"\nexit "\${TOOL_CODE:-0}"\n`;
    writeFileSync(join(folder, tool), code);
    chmodSync(join(folder, tool), 0o755);
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs a command with fake tools that only leave a trace, and with a data folder that does not exist yet. */
function run([file, ...args]: string[], toolCode = 0) {
  const path = `${folder}:${process.env['PATH'] ?? ''}`;
  const { status, stdout, stderr } = spawnSync(file!, args, {
    cwd: root,
    env: { PATH: path, DATA_DIR: join(folder, 'data'), TOOL_CODE: String(toolCode) },
    encoding: 'utf8',
  });
  const traces = ['called', 'data'].filter((name) => existsSync(join(folder, name)));
  return { status, stdout, stderr, traces };
}

describeOnce('a request for help', () => {
  it.each([
    ['.ci/postgres', 'start', 'FOLDER', 'port'],
    ['.ci/pubsub', 'start', 'port'],
    ['.ci/pubsub', 'stop', 'pid'],
  ])('takes no word for a number: %s %s %s', (...command) => {
    const { stderr, ...rest } = run(command);
    expect(stderr).toContain(`usage: ${command[0]}`);
    expect(rest).toEqual({ status: 2, stdout: '', traces: [] });
  });

  describe.each(Object.entries(commands))('%s', (name, command) => {
    it.each(['--help', '-h'])('prints its usage with %s, and does nothing', (option) => {
      const { stdout, ...rest } = run([...command.run, option]);
      expect(stdout).toMatch(/^usage: /);
      expect(stdout).toContain(name);
      expect(rest).toEqual({ status: 0, stderr: '', traces: [] });
    });

    it('prints it on stderr for wrong arguments, and exits 2', () => {
      const { stderr, ...rest } = run([...command.run, ...command.wrong]);
      expect(stderr).toContain(`usage: ${name}`);
      expect(rest).toEqual({ status: 2, stdout: '', traces: [] });
    });
  });
});

describeOnce('a command that fails', () => {
  afterEach(() => {
    rmSync(join(folder, 'called'), { force: true });
  });

  it.each(failing)('%s %j exits 1', (name, args, toolCode) => {
    const { status, stderr, stdout } = run([...commands[name]!.run, ...args], toolCode);
    expect(`${stderr}${stdout}`).not.toContain('usage: ');
    expect(status).toBe(1);
  });
});

it('this test knows every command', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const own = Object.values(scripts).flatMap(
    (script) => /(?:start\.js |^node |^)((?:services|kind)\/\S+)/.exec(script)?.[1] ?? [],
  );
  const modules = ['documented-commands.js'];
  const ci = readdirSync(join(root, '.ci')).filter((name) => !modules.includes(name));
  const nameOf = (path: string) => /([^/]+?)(?:\.[jt]s)?$/.exec(path)![1]!;
  const known = Object.values(commands).flatMap(({ run }) => run.map(nameOf));
  expect([...own, ...ci].filter((each) => !known.includes(nameOf(each)))).toEqual([]);
  expect(own.length).toBeGreaterThan(8);
});
