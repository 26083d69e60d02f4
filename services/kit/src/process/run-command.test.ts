import { runCommand } from './run-command';
import { StartError, UsageError } from './start-error';

class NothingThereError extends StartError {
  readonly code = 'nothing-there';
}

/** Runs a command with these arguments. Returns its output, its exit code and whether it ran. */
async function run(args: string[], fail?: Error) {
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
  await runCommand({
    name: 'greet',
    usage: 'usage: greet [--loud] NAME',
    options: { loud: { type: 'boolean', default: false } },
    run: ({ positionals: [name], values, print }) => {
      seen.ran = true;
      if (fail) throw fail;
      print(values.loud ? `HELLO ${name!}` : `hello ${name!}`);
      return Promise.resolve();
    },
  }).catch((error: unknown) => {
    if (error !== exited) throw error;
  });
  return seen;
}

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
