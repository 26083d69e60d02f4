import { parseArgs, type ParseArgsConfig } from 'node:util';
import { exitWith } from './run';
import { UsageError } from './start-error';

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; allowPositionals: true }>
>;

/**
 * Runs a command that does one thing and ends. Exits 0, 1 if it failed, or 2 for wrong arguments; stderr says why.
 * `--help` and `-h` print the usage and run nothing.
 */
export async function runCommand<const O extends Options = Options>(command: {
  name: string;
  usage: string;
  /** As `parseArgs` takes them. */
  options?: O;
  run: (given: Parsed<O> & { print: (line: string) => void }) => Promise<void>;
}): Promise<void> {
  const { name, usage, options, run } = command;
  const args = process.argv.slice(2);
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  if (args.includes('--help') || args.includes('-h')) {
    print(usage);
    return;
  }
  try {
    await run({ ...parse(args, options ?? ({} as O)), print });
  } catch (error) {
    if (!(error instanceof UsageError)) exitWith(name, error);
    exitWith(name, new UsageError(`${error.message}\n${usage}`, { cause: error }), 2);
  }
}

function parse<O extends Options>(args: string[], options: O): Parsed<O> {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
