import { readServiceArguments, runCommand } from './run-command';
import { StartError, UsageError } from './start-error';

class NothingThereError extends StartError {
  readonly code = 'nothing-there';
}

/** Calls a function with these arguments of the process. Returns its output, its exit code and whether it ran. */
async function record(args: string[], body: (ran: () => void) => Promise<void> | void) {
  const seen = { stdout: '', stderr: '', exit: 0, ran: false };
  const into = (stream: 'stdout' | 'stderr') => (text: unknown) => {
    seen[stream] += String(text);
    return true;
  };
  const exited = new Error('the process has ended');
  jest.spyOn(process.stdout, 'write').mockImplementation(into('stdout'));
  jest.spyOn(process.stderr, 'write').mockImplementation(into('stderr'));
  jest.spyOn(process, 'exit').mockImplementation((code) => {
    seen.exit = Number(code);
    throw exited;
  });
  jest.replaceProperty(process, 'argv', ['node', 'greet', ...args]);
  try {
    await body(() => (seen.ran = true));
  } catch (error) {
    if (error !== exited) throw error;
  }
  return seen;
}

/** Runs a command with these arguments. */
const run = (args: string[], fail?: Error, readsEnv = false) =>
  record(args, (ran) =>
    runCommand({
      name: 'greet',
      usage: 'usage: greet [--loud] NAME',
      options: { loud: { type: 'boolean', default: false } },
      readsEnv,
      run: ({ positionals: [name], values, print }) => {
        ran();
        if (fail) throw fail;
        expect(Object.keys(values)).toEqual(['loud']);
        print(values.loud ? `HELLO ${name!}` : `hello ${name!}`);
        return Promise.resolve();
      },
    }),
  );

describe('runCommand', () => {
  it('runs the command with its arguments', async () => {
    expect(await run(['--loud', 'you'])).toMatchObject({ stdout: 'HELLO you\n', exit: 0 });
  });

  it.each([['--help'], ['-h'], ['you', '--help'], ['--unknown', '-h']])(
    'prints the usage for %s %s, and runs nothing',
    async (...args) => {
      const usage = 'usage: greet [--loud] NAME\n';
      expect(await run(args)).toEqual({ stdout: usage, stderr: '', exit: 0, ran: false });
    },
  );

  it('exits 2 for an unknown option, and prints the usage', async () => {
    const { stderr, ...rest } = await run(['--quiet']);
    expect(stderr).toMatch(/^greet: Unknown option '--quiet'[^]*\nusage: greet \[--loud\] NAME\n$/);
    expect(rest).toEqual({ stdout: '', exit: 2, ran: false });
  });

  it('exits 2 for a usage error of the command', async () => {
    const { stderr, exit } = await run([], new UsageError('NAME is missing'));
    expect(stderr).toBe('greet: NAME is missing\nusage: greet [--loud] NAME\n');
    expect(exit).toBe(2);
  });

  it('exits 1 for any other failure', async () => {
    const { stderr, exit } = await run([], new NothingThereError('there is nothing'));
    expect([stderr, exit]).toEqual(['greet: there is nothing\n', 1]);
  });
});

// e2e/env-file.test.ts tests what it sets: Jest gives each test file a copy of the environment.
describe('--env-file', () => {
  it('exits 1 if a file cannot be read', async () => {
    const { stderr, exit, ran } = await run(['--env-file', '/none.env'], undefined, true);
    expect(stderr).toBe('greet: --env-file: /none.env cannot be read (ENOENT)\n');
    expect([exit, ran]).toEqual([1, false]);
  });

  it('is in the usage of a command that reads the environment', async () => {
    expect((await run(['--help'], undefined, true)).stdout).toContain('--env-file FILE');
    const { stderr, exit } = await run(['--env-file'], undefined, true);
    expect(stderr).toMatch(/^greet: .*--env-file[^]*\nusage: greet[^]*--env-file FILE/);
    expect(exit).toBe(2);
  });

  it('is refused by a command that does not', async () => {
    expect(await run(['--env-file', '/none.env'])).toMatchObject({ exit: 2, ran: false });
  });

  describe('of a service', () => {
    const start = (...args: string[]) =>
      record(args, (ran) => {
        readServiceArguments('offers');
        ran();
      });

    it('is in its usage, which --help prints instead of starting', async () => {
      const { stdout, ...rest } = await start('--help');
      expect(stdout).toMatch(/^usage: node services\/offers\/dist\/main\.js \[--env-file FILE\]/);
      expect(rest).toEqual({ stderr: '', exit: 0, ran: false });
    });

    it('exits 1 if the file cannot be read', async () => {
      const { stderr, exit, ran } = await start('--env-file', __dirname);
      expect(stderr).toMatch(/^offers: --env-file: .* cannot be read \([A-Z_]+\)\n$/);
      expect([exit, ran]).toEqual([1, false]);
    });

    it.each(['now', '--port=1'])('exits 2 for %s', async (argument) => {
      const { stderr, exit, ran } = await start(argument);
      expect(stderr).toMatch(/^offers: .*\nusage: node services\/offers/);
      expect([exit, ran]).toEqual([2, false]);
    });
  });
});
