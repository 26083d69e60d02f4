import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from './build';

const root = mkdtempSync(join(tmpdir(), 'build-'));
const folder = join(root, 'services');
const source = join(folder, 'one', 'src', 'index.ts');

beforeAll(() => {
  mkdirSync(join(folder, 'one', 'src'), { recursive: true });
  const references = [{ path: 'one' }];
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ files: [], references }));
  configure(optionsOf('kit'));
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

function optionsOf(service: string): object {
  const file = join(__dirname, '..', '..', service, 'tsconfig.json');
  const { compilerOptions } = JSON.parse(readFileSync(file, 'utf8')) as { compilerOptions: object };
  return { ...compilerOptions, types: [] };
}

function configure(compilerOptions: object): void {
  writeFileSync(join(folder, 'one', 'tsconfig.json'), JSON.stringify({ compilerOptions }));
}

async function run(stop = new AbortController().signal) {
  const lines: string[] = [];
  const isBuilt = await build({ folder, stop, print: (line) => lines.push(line) });
  return { isBuilt, lines };
}

/** Runs `work` without permission to write to the sources. Root can write anywhere, so it switches to another user. */
async function readOnly<Result>(work: () => Promise<Result>): Promise<Result> {
  const isRoot = process.geteuid!() === 0;
  chmodSync(root, 0o755);
  if (isRoot) process.seteuid!(65_534);
  else chmodSync(join(folder, 'one'), 0o555);
  try {
    return await work();
  } finally {
    if (isRoot) process.seteuid!(0);
    else chmodSync(join(folder, 'one'), 0o755);
  }
}

describe('build', () => {
  it('prints what it builds, and nothing if everything is built', async () => {
    writeFileSync(source, 'export const a: number = 1;');
    expect(await run()).toEqual({
      isBuilt: true,
      lines: ['Building, about 20 s the first time:', '  one (1 of 1)'],
    });
    expect(await run()).toEqual({ isBuilt: true, lines: [] });
  });

  it('understands the compiler even with FORCE_COLOR', () => {
    // A process of its own: the compiler's thread gets the environment of the process, not of the test.
    const script = `
      require('ts-node/register/transpile-only');
      const { build } = require(${JSON.stringify(join(__dirname, 'build'))});
      const stop = new AbortController().signal;
      void build({ folder: ${JSON.stringify(folder)}, stop, print: console.log });`;
    const env = { ...process.env, FORCE_COLOR: '1' };
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
      env,
      encoding: 'utf8',
    });
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
  });

  it.each(['kit', 'offers', 'confirm-payment'])(
    'builds %s again if its dist has been removed',
    async (service) => {
      configure(optionsOf(service));
      writeFileSync(source, 'export const a: number = 1;');
      await run();
      rmSync(join(folder, 'one', 'dist'), { recursive: true });
      expect(await run()).toMatchObject({ isBuilt: true });
      expect(readdirSync(join(folder, 'one', 'dist'))).toContain('index.js');
    },
  );

  it('prints what is wrong with the sources', async () => {
    writeFileSync(source, 'export const a: number = "one";');
    const { isBuilt, lines } = await run();
    expect(isBuilt).toBe(false);
    expect(lines.slice(2).join('\n')).toMatch(/^\S*index\.ts\(1,14\): error TS2322: [^\n]*$/);
  });

  it('prints one line if it cannot write, however many files it would write', async () => {
    rmSync(join(folder, 'one', 'dist'), { recursive: true, force: true });
    writeFileSync(source, 'export const a: number = 1;');
    const { isBuilt, lines } = await readOnly(() => run());
    expect(isBuilt).toBe(false);
    expect(lines.slice(2)).toEqual([
      expect.stringMatching(/^loan-buddy: cannot write \/.*\/one\/dist\/index\.\S+ \(EACCES\)$/),
    ]);
  });

  it('stops when `stop` aborts', async () => {
    expect(await run(AbortSignal.abort())).toEqual({ isBuilt: false, lines: [] });
  });
});
