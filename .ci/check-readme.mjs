// Runs each curl line of the README that is followed by its output, and compares. The services must be running.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const examples = [...readme.matchAll(/```sh\n(curl .*)\n```\n\n```json\n(.*)\n```/g)];
if (examples.length === 0) throw new Error('the README shows no curl line with its output');

/** What differs from call to call, made the same. */
const normalise = (text) =>
  text
    .trim()
    .replace(/order-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'order-…')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '…');

for (const [, command, expected] of examples) {
  const output = execFileSync('bash', ['-c', command], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (normalise(output) !== normalise(expected)) {
    throw new Error(`${command}\n  answered ${output}\n  not      ${expected}`);
  }
  process.stdout.write(`ok: ${command}\n`);
}
