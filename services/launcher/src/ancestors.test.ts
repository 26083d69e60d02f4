import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const SCRIPT = 'node services/launcher/start.js';
const WATCH = `
  require('ts-node/register/transpile-only');
  const { npmAncestors, watchAncestors } = require(${JSON.stringify(join(__dirname, 'ancestors'))});
  const end = (how) => { console.log(how); process.exit(); };
  watchAncestors(npmAncestors(process.env.npm_lifecycle_script), () => end('gone'));
  setTimeout(end, 1000, 'there');
`;

/** Runs the watch from a shell script that is its npm, in a session of its own. */
async function watch(script: string, lifecycleScript: string): Promise<string> {
  const { execPath } = process;
  const child = spawn('sh', ['-c', script], {
    env: { ...process.env, NODE: execPath, WATCH, npm_lifecycle_script: lifecycleScript },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const [said] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return said.trim();
}

const AFTER_PARENT =
  '{ while kill -0 $$ 2>/dev/null; do sleep 0.05; done; exec "$NODE" -e "$WATCH"; } &';

describe('the ancestors up to npm', () => {
  it('are there while npm runs', async () => {
    expect(await watch('"$NODE" -e "$WATCH"; true', SCRIPT)).toBe('there');
  });

  it('are gone if npm ended before this module loaded', async () => {
    expect(await watch(AFTER_PARENT, SCRIPT)).toBe('gone');
  });

  it('are none if npm did not start it', async () => {
    expect(await watch(AFTER_PARENT, '')).toBe('there');
  });
});
