import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const WATCH = `
  require('ts-node/register/transpile-only');
  const { watchNpm } = require(${JSON.stringify(join(__dirname, 'npm-parent'))});
  const end = (how) => { console.log(how); process.exit(); };
  watchNpm(Number(process.env.NPM), () => end('gone'));
  setTimeout(end, 1000, 'there');
`;

/** Runs the watch from a shell script that is its npm, in a session of its own. */
async function watch(script: string): Promise<string> {
  const child = spawn('sh', ['-c', script], {
    env: { ...process.env, NODE: process.execPath, WATCH },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const [said] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return said.trim();
}

const afterParent = (npm: string) =>
  `{ while kill -0 $$ 2>/dev/null; do sleep 0.05; done; NPM=${npm} exec "$NODE" -e "$WATCH"; } &`;

describe('the watch of npm', () => {
  it('finds npm there while it runs', async () => {
    expect(await watch('NPM=$$ "$NODE" -e "$WATCH"; true')).toBe('there');
  });

  it('finds npm there while it and a shell between run', async () => {
    expect(await watch(`sh -c 'NPM=$PPID "$NODE" -e "$WATCH"; true'; true`)).toBe('there');
  });

  it('finds npm gone if it ended before this module loaded', async () => {
    expect(await watch(afterParent('$$'))).toBe('gone');
  });

  it.each(['', "'$PPID'"])('outlives its parent if npm did not start it (%j)', async (npm) => {
    expect(await watch(afterParent(npm))).toBe('there');
  });
});
