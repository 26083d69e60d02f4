/** kind/up.sh and kind/down.sh with stand-ins for Docker, kind, kubectl and Helm; npm run kind:check runs the real ones. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeOnce } from './support/postgres';
import { root } from './support/service-process';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kind-scripts-'));
  for (const tool of ['docker', 'kind', 'kubectl', 'helm', 'curl']) stub(tool, '');
  stub('kubectl', 'case "$*" in *port-forward*) exec sleep 60 ;; esac');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Replaces a tool by one that records its arguments, and then runs this script. */
function stub(tool: string, script: string): void {
  const file = join(folder, tool);
  writeFileSync(file, `#!/bin/sh\necho "${tool} $*" >>"${folder}/calls"\n${script}\n`);
  chmodSync(file, 0o755);
}

async function run(...command: string[]) {
  const child = spawn(join(root, command[0]!), command.slice(1), {
    env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (text) => (output.stdout += String(text)));
  child.stderr.on('data', (text) => (output.stderr += String(text)));
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...output, calls: readFileSync(join(folder, 'calls'), 'utf8') };
}

describeOnce('kind/up.sh', () => {
  it('passes on its options', async () => {
    stub('kubectl', 'case "$*" in *"get nodes"*) exit 1 ;; *port-forward*) exec sleep 60 ;; esac');
    const options = ['--name', 'other', '--node-image', 'node:1', '--build-arg', 'A=b c'];
    const { code, calls, stdout } = await run('kind/up.sh', ...options);
    expect(code).toBe(0);
    expect(calls).toMatch(/^kind create cluster --name other .*--image node:1/m);
    expect(calls).toMatch(/^docker build --build-arg A=b c --file services\/offers/m);
    expect(calls).toMatch(/^helm upgrade .*--kube-context kind-other/m);
    expect(stdout).toContain('kind/down.sh --name other');
  });

  it('prints local ports that no other program uses', async () => {
    const taken = createServer();
    // In use by another program already: also fine.
    taken.on('error', () => undefined).listen(8080, '127.0.0.1');
    await new Promise((resolve) => setImmediate(resolve));
    try {
      const { code, stdout } = await run('kind/up.sh');
      expect(code).toBe(0);
      const [, port = ''] = /service\/loan-buddy-offers (\d+):8080/.exec(stdout) ?? [];
      expect(Number(port)).toBeGreaterThan(8080);
      expect(stdout).toContain(`curl -X GET http://localhost:${port}/offers`);
    } finally {
      taken.close();
    }
  });

  it('says why the release is not ready', async () => {
    stub('helm', 'exit 1');
    stub(
      'kubectl',
      'case "$*" in *"get pods -o wide"*) echo offers-1 Pending ;; *"get events"*) echo FailedScheduling ;; esac',
    );
    const { code, stderr, stdout } = await run('kind/up.sh');
    expect(code).toBe(1);
    expect(stderr).toMatch(/offers-1 Pending\nWarnings:\nFailedScheduling\n[^]*is not ready/);
    expect(stdout).not.toContain('Forward its ports');
  });

  it('fails if a service does not respond through port-forward', async () => {
    stub('kubectl', 'case "$*" in *port-forward*) exit 1 ;; esac');
    const { code, stderr } = await run('kind/up.sh');
    expect(code).toBe(1);
    expect(stderr).toContain('offers does not respond through port-forward');
  });
});

describeOnce('kind/down.sh', () => {
  it('removes the cluster, and the images', async () => {
    stub('docker', 'case "$*" in *"image ls"*offers*) printf "o:dev\\no:1\\n" ;; esac');
    const { code, calls } = await run('kind/down.sh', '--name', 'other');
    expect(code).toBe(0);
    expect(calls).toMatch(/^kind delete cluster --name other$/m);
    expect(calls).toMatch(/^docker rmi o:dev\ndocker rmi o:1$/m);
  });
});
