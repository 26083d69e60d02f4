/** `--help` of every command and script only prints its usage. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeOnce } from './support/postgres';
import { root } from './support/service-process';

const built = (script: string) => [process.execPath, join(root, 'services', script)];
const source = [process.execPath, '-C', 'source', 'services/launcher/start.js'];

/** How to run each command, and arguments that it refuses. */
const commands: Record<string, { run: string[]; wrong: string[] }> = {
  'npm start': { run: [...source, 'services/launcher/src/main.ts'], wrong: ['now'] },
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
  '.ci/check-readme.mjs': { run: [process.execPath, '.ci/check-readme.mjs'], wrong: ['now'] },
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'help-'));
  for (const tool of ['docker', 'gcloud', 'helm', 'kind', 'kubectl', 'npm', 'curl', 'pg_config']) {
    writeFileSync(join(folder, tool), `#!/bin/sh\necho ${tool} >>"${folder}/called"\n`);
    chmodSync(join(folder, tool), 0o755);
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs a command with fake tools that only leave a trace, and with a data folder that does not exist yet. */
function run([file, ...args]: string[]) {
  const path = `${folder}:${process.env['PATH'] ?? ''}`;
  const { status, stdout, stderr } = spawnSync(file!, args, {
    cwd: root,
    env: { PATH: path, DATA_DIR: join(folder, 'data') },
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
