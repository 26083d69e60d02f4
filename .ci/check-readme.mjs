// Runs the curl commands of the README's first part against running services, and compares their output.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import documented from './documented-commands.js';

const usage = `usage: .ci/check-readme.mjs [--offers URL] [--confirm-payment URL] [--shell SHELL]
Runs the README's curl lines, up to the first that needs other settings, and compares their output with the README.
  --offers URL            default http://localhost:8080
  --confirm-payment URL   default http://localhost:8000
  --shell SHELL           the shell that runs the lines; default bash
`;

function readArguments() {
  try {
    return parseArgs({
      options: {
        offers: { type: 'string', default: 'http://localhost:8080' },
        'confirm-payment': { type: 'string', default: 'http://localhost:8000' },
        shell: { type: 'string', default: 'bash' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    process.stderr.write(`${error.message}\n${usage}`);
    process.exit(2);
  }
}

function check({ offers, 'confirm-payment': confirmPayment, shell }) {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const blocks = documented.blocksOf(readme);
  const isCurl = ({ commands }) => commands.every((command) => /\bcurl\b/.test(command));
  const isStart = ({ commands }) =>
    commands.some((command) => /^[A-Z_]+=.* npm start$/.test(command));
  const examples = blocks.slice(0, blocks.findIndex(isStart)).filter(isCurl);
  if (examples.length < 5) throw new Error('the README shows too few curl lines');
  for (const { commands, shown } of examples) {
    const script = documented.addressed(commands.join('\n'), { offers, confirmPayment });
    const output = execFileSync(shell, ['-c', script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (shown !== undefined && !documented.isShown(output, shown)) {
      throw new Error(`${script}\n  printed ${output}\n  not     ${shown}`);
    }
    process.stdout.write(`ok: ${script}\n`);
  }
}

const { help, ...options } = readArguments();
if (help) process.stdout.write(usage);
else check(options);
