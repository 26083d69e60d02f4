import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const repository = join(__dirname, '..', '..', '..');
const needed = '20.19';

/** A repository that contains only start.js and a file to run. */
const root = mkdtempSync(join(tmpdir(), 'start-'));
beforeAll(() => {
  mkdirSync(join(root, 'services', 'launcher'), { recursive: true });
  for (const file of ['package.json', 'services/launcher/start.js']) {
    copyFileSync(join(repository, file), join(root, file));
  }
  copyFileSync(join(repository, 'tsconfig.base.json'), join(root, 'tsconfig.json'));
  writeFileSync(join(root, 'hello.ts'), 'console.log(process.argv.slice(2) as string[]);');
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

function run(script: string) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script, 'hello.ts', 'x'], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

/** Does what `node services/launcher/start.js hello.ts x` does. */
const start = `process.argv.splice(1, 0, 'start.js'); require('./services/launcher/start.js');`;
const startOn = (version: string) =>
  run(`Object.defineProperty(process, 'versions', { value: { node: '${version}' } }); ${start}`);

describe('start.js', () => {
  it.each(['18.20.8', '20.18.3', '0.12.0'])('refuses Node.js %s in one line', (version) => {
    expect(startOn(version)).toEqual({
      status: 1,
      stdout: '',
      stderr: `loan-buddy: needs Node.js ${needed} or newer; this is Node.js ${version}\n`,
    });
  });

  it('asks for npm ci in one line if nothing is installed', () => {
    expect(startOn('20.19.0')).toEqual({
      status: 1,
      stdout: '',
      stderr: 'loan-buddy: the package ts-node is not installed; run npm ci first\n',
    });
  });

  it('runs a TypeScript file with its arguments, and leaves no temporary files', () => {
    const temporary = join(root, 'temporary');
    mkdirSync(temporary);
    symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
    expect(run(`process.env.TMPDIR = ${JSON.stringify(temporary)}; ${start}`)).toEqual({
      status: 0,
      stdout: "[ 'x' ]\n",
      stderr: '',
    });
    expect(readdirSync(temporary)).toEqual([]);
  });
});
