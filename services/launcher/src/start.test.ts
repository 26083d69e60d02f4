import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const repository = join(__dirname, '..', '..', '..');
const needed = '20.19';

/** A repository that contains only what `npm start` needs first, and a file to run. */
const root = mkdtempSync(join(tmpdir(), 'start-'));
const inLauncher = (name: string) => join('services', 'launcher', `${name}.js`);
beforeAll(() => {
  mkdirSync(join(root, 'services', 'launcher'), { recursive: true });
  for (const file of ['package.json', ...['start', 'transpiler'].map(inLauncher)]) {
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
    mkdirSync(join(root, 'node_modules'));
    for (const name of ['ts-node', 'typescript']) {
      symlinkSync(join(repository, 'node_modules', name), join(root, 'node_modules', name));
    }
    expect(run(`process.env.TMPDIR = ${JSON.stringify(temporary)}; ${start}`)).toEqual({
      status: 0,
      stdout: "[ 'x' ]\n",
      stderr: '',
    });
    expect(readdirSync(temporary)).toEqual([]);
  });
  describe('the next time', () => {
    const cache = join(root, 'node_modules', '.cache');
    const printed = () => run(start).stdout;
    const keptFile = () => {
      const folder = join(cache, 'loan-buddy', 'transpiled');
      const names = readdirSync(folder);
      expect(names).toHaveLength(1);
      return join(folder, names[0]!);
    };

    it('does not transpile a file again', () => {
      const kept = readFileSync(keptFile(), 'utf8');
      writeFileSync(keptFile(), kept.replace('process.argv', '[1, 2, 3]'));
      expect(printed()).toBe('[ 3 ]\n');
    });

    it('transpiles it again if what was kept is damaged', () => {
      writeFileSync(keptFile(), readFileSync(keptFile()).subarray(0, 100));
      expect(printed()).toBe("[ 'x' ]\n");
    });

    it('transpiles a changed file', () => {
      writeFileSync(join(root, 'hello.ts'), 'console.log(1 as number);');
      expect(printed()).toBe('1\n');
    });

    it('shows the line of the source in an error', () => {
      writeFileSync(join(root, 'hello.ts'), 'interface A { a: 1 }\n\nthrow new Error();');
      for (let time = 1; time <= 2; time++) {
        expect(run(start).stderr).toContain(`${join(root, 'hello.ts')}:3`);
      }
    });

    it('reports each time that a file is not valid TypeScript', () => {
      writeFileSync(join(root, 'hello.ts'), 'const = 1;');
      for (let time = 1; time <= 2; time++) expect(run(start).stderr).toContain('hello.ts(1,7)');
    });

    it('works where it can keep nothing', () => {
      rmSync(cache, { recursive: true });
      writeFileSync(cache, '');
      writeFileSync(join(root, 'hello.ts'), 'console.log(2 as number);');
      expect(printed()).toBe('2\n');
    });
  });
});
