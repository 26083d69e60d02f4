import { parseArgs, type ParseArgsConfig } from 'node:util';
import { loadEnvFiles } from './env-file';
import { exitWith } from './run';
import { UsageError } from './start-error';

type Options = NonNullable<ParseArgsConfig['options']>;
type Parsed<O extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: O; allowPositionals: true }>
>;

interface Command<O extends Options> {
  name: string;
  usage: string;
  /** As `parseArgs` takes them. */
  options?: O;
  /** Whether it reads variables of the environment: then it also takes `--env-file`. Default: no. */
  readsEnv?: boolean;
}

const envFileUsage =
  '--env-file FILE sets the environment variables in FILE, except those that are set already. It may be repeated.';

const print = (line: string) => void process.stdout.write(`${line}\n`);

/**
 * Runs a command that does one thing and ends. Exits 0, 1 if it failed, or 2 for wrong arguments; stderr says why.
 * `--help` and `-h` print the usage and run nothing.
 */
export async function runCommand<const O extends Options = Options>(
  command: Command<O> & {
    run: (given: Parsed<O> & { print: (line: string) => void }) => Promise<void>;
  },
): Promise<void> {
  try {
    const given = readArguments(command);
    if (given) await command.run({ ...given, print });
  } catch (error) {
    exitFrom(command, error);
  }
}

/** Reads the arguments of a service. Exits 0 after `--help`, 1 if a file cannot be read, or 2 for wrong arguments. */
export function readServiceArguments(name: string): void {
  const usage = `usage: node services/${name}/dist/main.js [--env-file FILE]...
Runs ${name} until SIGTERM or Ctrl-C. docs/configuration.md lists the variables that it reads from the environment.`;
  const service = { name, usage, readsEnv: true };
  let given;
  try {
    given = readArguments(service);
    if (given && given.positionals.length > 0) throw new UsageError('it takes only options');
  } catch (error) {
    exitFrom(service, error);
  }
  if (!given) process.exit(0);
}

/** Parses the arguments and loads `--env-file`. Returns undefined if it has printed the usage instead. */
function readArguments<O extends Options>(command: Command<O>): Parsed<O> | undefined {
  const { options = {} as O, readsEnv = false } = command;
  const args = process.argv.slice(2);
  if (args.includes('--help') || args.includes('-h')) {
    print(usageOf(command));
    return undefined;
  }
  if (!readsEnv) return parse(args, options);
  const envFile = { type: 'string', multiple: true } as const;
  const { values, positionals } = parse(args, { ...options, 'env-file': envFile });
  const { 'env-file': files, ...others } = values as { 'env-file'?: string[] };
  loadEnvFiles(files ?? []);
  return { values: others, positionals } as Parsed<O>;
}

function parse<O extends Options>(args: string[], options: O): Parsed<O> {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function usageOf({ usage, readsEnv }: Command<Options>): string {
  return readsEnv ? `${usage}\n${envFileUsage}` : usage;
}

function exitFrom(command: Command<Options>, error: unknown): never {
  if (!(error instanceof UsageError)) exitWith(command.name, error);
  const message = `${error.message}\n${usageOf(command)}`;
  exitWith(command.name, new UsageError(message, { cause: error }), 2);
}
