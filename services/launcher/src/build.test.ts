import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  const compilerOptions = { composite: true, rootDir: 'src', outDir: 'dist', types: [] };
  writeFileSync(join(folder, 'one', 'tsconfig.json'), JSON.stringify({ compilerOptions }));
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

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

  it('prints what is wrong with the sources', async () => {
    writeFileSync(source, 'export const a: number = "one";');
    const { isBuilt, lines } = await run();
    expect(isBuilt).toBe(false);
    expect(lines.slice(2).join('\n')).toMatch(/^\S*index\.ts\(1,14\): error TS2322: [^\n]*$/);
  });

  it('prints one line if it cannot write, however many files it would write', async () => {
    rmSync(join(folder, 'one', 'dist'), { recursive: true, force: true });
    rmSync(join(folder, 'one', 'tsconfig.tsbuildinfo'), { force: true });
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
