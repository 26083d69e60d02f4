import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** Lines of `tsc -b --verbose` that are not worth showing. */
const STATUS = /^$|^ {4}\* | - (Projects? |Skipping |Updating )/;
const PROJECT = /^ {4}\* .*?([^\\/]+)[\\/]tsconfig\.json$/;
const BUILDING = / - Building project '.*?([^\\/]+)[\\/]tsconfig\.json'/;
const UNWRITABLE = /error TS5033: Could not write file '(.+)': .*?\b(E[A-Z]+)\b/;

/** Posts the output as messages: the compiler never yields to the event loop, which a worker's stdout needs. */
const COMPILE = `
  const { parentPort, workerData } = require('node:worker_threads');
  process.stdout.write = (text) => parentPort.postMessage(text);
  require(workerData);
`;

/**
 * Builds what has changed. The compiler runs in a worker thread, so it cannot outlive this process.
 *
 * @param print takes each line of progress and each compiler error
 * @returns whether everything is built; false if `stop` aborted
 */
export async function build(options: {
  folder: string;
  stop: AbortSignal;
  print: (line: string) => void;
}): Promise<boolean> {
  const { folder, stop, print } = options;
  const compiler = new Worker(COMPILE, {
    eval: true,
    // No colors, even with FORCE_COLOR: this code parses the lines.
    argv: ['-b', folder, '--verbose', '--pretty', 'false'],
    execArgv: [],
    workerData: require.resolve('typescript/bin/tsc'),
  });
  const end = () => void compiler.terminate();
  if (stop.aborted) end();
  stop.addEventListener('abort', end);

  const projects: string[] = [];
  let isBuilding = false;
  let isWritable = true;
  function read(line: string): void {
    const project = PROJECT.exec(line)?.[1];
    const building = BUILDING.exec(line)?.[1];
    const [, file, code] = UNWRITABLE.exec(line) ?? [];
    if (project !== undefined) projects.push(project);
    else if (building !== undefined) {
      if (!isBuilding) print('Building, about 20 s the first time:');
      isBuilding = true;
      // The last one is the folder itself, which has no sources.
      const position = `${String(projects.indexOf(building) + 1)} of ${String(projects.length - 1)}`;
      print(`  ${building} (${position})`);
    } else if (file !== undefined) {
      // Name the first file only: the others cannot be written either.
      if (isWritable) print(`loan-buddy: cannot write ${file} (${code!})`);
      isWritable = false;
      end();
    } else if (isWritable && !STATUS.test(line)) print(line);
  }

  compiler.on('message', (text: string) => {
    for (const line of text.split(/\r?\n/)) read(line);
  });
  const [exitCode] = (await once(compiler, 'exit')) as [number];
  return exitCode === 0 && !stop.aborted;
}
