/** `npm start` as a process: however it ends, it leaves no process behind. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeUnless, until } from '@loan-buddy/kit/testing';
import { postCheckout } from './support/client';
import { newFolder } from './support/data-folder';
import { freePort } from './support/free-port';
import { READY } from './support/npm-start';
import { atEnd } from './support/at-end';
import { describeOnce } from './support/postgres';
import { root } from './support/service-process';

/** Listing all processes is slow. */
const POLL_MS = 100;
const withoutPs = spawnSync('ps', ['-A', '-o', 'pid=']).status === 0 ? undefined : 'there is no ps';

interface Listed {
  pid: number;
  parent: number;
  args: string;
}

/** Returns all running processes. */
function processes(): Listed[] {
  const list = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' });
  return list.split('\n').flatMap((line) => {
    const [, pid, parent, state, args] = /^ *(\d+) +(\d+) +(\S+) +(.*)$/.exec(line) ?? [];
    if (state === undefined || state.startsWith('Z')) return [];
    return [{ pid: Number(pid), parent: Number(parent), args: args! }];
  });
}

/** Returns a process and all its descendants. */
function treeOf(pid: number): Listed[] {
  const all = processes();
  const tree = all.filter((each) => each.pid === pid);
  for (const { pid: parent } of tree) tree.push(...all.filter((each) => each.parent === parent));
  return tree;
}

const isOpen = (port: number) =>
  fetch(`http://127.0.0.1:${String(port)}/livez`).then(
    () => true,
    () => false,
  );

interface Start {
  /** Command that starts the launcher; default `npm start`. */
  command?: string[];
  env?: NodeJS.ProcessEnv;
}

/** Starts the launcher on free ports. Kills the remaining processes after the test. */
async function start({ command = ['npm', 'start'], env = {} }: Start = {}) {
  const ports = [await freePort(), await freePort()];
  const child = spawn(command[0]!, command.slice(1), {
    cwd: root,
    env: {
      ...process.env,
      OFFERS_PORT: String(ports[0]),
      CONFIRM_PAYMENT_PORT: String(ports[1]),
      ...(await newFolder()),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let pids: number[] = [];
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  atEnd(() => {
    for (const { pid, args } of processes()) {
      if (pids.includes(pid) && args.includes('launcher')) process.kill(pid, 'SIGKILL');
    }
  });
  return {
    child,
    ports,
    exit,
    output: () => output,
    /** Waits until both services are ready. Returns the processes. */
    ready: async (): Promise<Listed[]> => {
      await until(() => output.includes(READY) || child.exitCode !== null);
      if (child.exitCode !== null) throw new Error(`it ended: ${output}`);
      const tree = treeOf(child.pid!);
      pids = tree.map(({ pid }) => pid);
      return tree;
    },
    /** Waits until all its processes have ended. Expects its ports to be closed. */
    gone: async (tree: Listed[]): Promise<void> => {
      const left = () =>
        processes().filter((each) =>
          tree.some(({ pid, args }) => pid === each.pid && args === each.args),
        );
      await until(async () => {
        await sleep(POLL_MS);
        return left().length === 0;
      });
      expect(await Promise.all(ports.map(isOpen))).toEqual([false, false]);
    },
  };
}

const script = 'node -C source services/launcher/start.js services/launcher/src/main.ts';
const withoutNpm = { command: script.split(' ') };

/** Sends a signal to one process between the first one and the launcher. Expects all of them to end. */
async function expectAllToEnd(
  position: number,
  signal: NodeJS.Signals,
  how?: Start,
): Promise<void> {
  const { ready, gone } = await start(how);
  const tree = await ready();
  expect(tree.at(-1)!.args).toMatch(/dist\/main\.js$/);
  process.kill(tree[position]!.pid, signal);
  await gone(tree);
}

describeOnce('the launcher', () => {
  describeUnless(withoutPs)('npm start', () => {
    it.each(['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGKILL'] as const)(
      'leaves nothing behind after %s to npm or to the launcher',
      async (signal) => {
        await Promise.all([0, 1].map((position) => expectAllToEnd(position, signal)));
      },
    );

    it.each(['SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGKILL'] as const)(
      'leaves nothing behind after %s to npm, its shell or the launcher, if the shell stays',
      async (signal) => {
        // Like npm with a script without `exec`.
        const shell = { command: ['sh', '-c', `sh -c '${script} --npm=$PPID; true'; true`] };
        await Promise.all([0, 1, 2].map((position) => expectAllToEnd(position, signal, shell)));
      },
    );

    it('keeps running when the shell that started npm in the background exits', async () => {
      const { exit, output, gone } = await start({ command: ['sh', '-c', 'npm start & echo $!'] });
      await exit;
      await until(() => output().includes(READY));
      const tree = treeOf(Number(/^\d+$/m.exec(output())![0]));
      expect(tree).toHaveLength(4);
      process.kill(tree[0]!.pid, 'SIGTERM');
      await gone(tree);
    });
  });

  describeUnless(withoutPs)('started without npm', () => {
    it('ends when the reader of its output exits', async () => {
      const { child, ports, ready, gone } = await start(withoutNpm);
      const tree = await ready();
      child.stdout.destroy();
      // The next line of the log finds no reader.
      await isOpen(ports[0]!);
      await gone(tree);
    });

    it('ends at once on a second Ctrl-C', async () => {
      const env = { SHUTDOWN_DELAY_MS: '60000', SHUTDOWN_TIMEOUT_MS: '600000' };
      const { child, exit, ready, gone } = await start({ ...withoutNpm, env });
      const tree = await ready();
      await until(async () => {
        child.kill('SIGINT');
        await sleep(1000);
        return child.exitCode !== null;
      });
      expect((await exit)[0]).toBe(130);
      await gone(tree);
    });
  });

  it('names the variable to set if a port is in use, and ends', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { exit, output } = await start({ ...withoutNpm, env: { OFFERS_PORT: String(port) } });
    expect((await exit)[0]).toBe(1);
    other.close();
    expect(output()).not.toContain(READY);
    expect(output().trimEnd().split('\n').at(-1)).toBe(
      `offers: port ${String(port)} on 127.0.0.1 is already in use; stop the process that uses it or set OFFERS_PORT`,
    );
  });

  it('gets a decision despite a proxy in the environment', async () => {
    const proxy = 'http://127.0.0.1:9';
    const env = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy, http_proxy: proxy };
    const { child, ports, exit, output } = await start({ ...withoutNpm, env });
    await until(() => output().includes(READY));
    const url = `http://127.0.0.1:${String(ports[0])}`;
    const response = await postCheckout(url, { user_id: 'cristina', loan_id: 'offer2' });
    expect(await response.json()).toMatchObject({ status: 'APPROVED' });
    child.kill('SIGTERM');
    expect((await exit)[0]).toBe(0);
  });
});
