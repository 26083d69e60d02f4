/** The scripts for Kind, with fake tools: what they do when something is unusual or fails. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './support/service-process';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kind-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Runs a command with fake tools: shell code by name. Returns also the calls of the tools, one a line. */
function run(command: string[], tools: Record<string, string>) {
  const calls = join(folder, 'calls');
  writeFileSync(calls, '');
  for (const [name, code] of Object.entries(tools)) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $*" >>'${calls}'\n${code}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const [file, ...args] = command;
  const { status, stdout, stderr, signal } = spawnSync(file!, args, {
    cwd: root,
    env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  return { status, signal, stdout, stderr, calls: readFileSync(calls, 'utf8') };
}

/** What the fake kubectl does for port-forward. */
const forwards = `*port-forward*) echo 'Forwarding from 127.0.0.1:40123 -> 8080'; exec sleep 9`;

/** Tools with which kind/up.sh installs on a cluster that exists. */
const working = {
  docker: '',
  kind: 'echo node',
  helm: '',
  openssl: 'cat >/dev/null; echo 0123456789abcdef',
  curl: '',
  kubectl: `case "$*" in ${forwards} ;; esac`,
};

describe('kind/up.sh', () => {
  it('passes a tag of digits alone as text', () => {
    const openssl = 'cat >/dev/null; echo 1234567890123456';
    const { status, calls } = run(['kind/up.sh'], { ...working, openssl });
    expect(calls).toMatch(/^helm upgrade .*--set-string image\.tag=123456789012 /m);
    expect(status).toBe(0);
  });

  it('keeps an old image that a needed tag names, too', () => {
    const kubectl = `case "$*" in
      ${forwards} ;;
      *replicasets*) echo loan-buddy/offers:new loan-buddy/confirm-payment:new ;;
    esac`;
    const docker = `case "$*" in *'crictl images'*)
      echo docker.io/loan-buddy/offers old 1111 70MB
      echo docker.io/loan-buddy/offers new 2222 70MB
      echo docker.io/loan-buddy/confirm-payment old 3333 70MB
      echo docker.io/loan-buddy/confirm-payment new 3333 70MB ;;
    esac`;
    const { status, calls } = run(['kind/up.sh'], { ...working, kubectl, docker });
    expect(calls.match(/crictl rmi .*/g)).toEqual(['crictl rmi 1111']);
    expect(status).toBe(0);
  });

  it('says that the release is not ready, also if kubectl does not work', () => {
    const kubectl = 'case "$*" in *pods* | *events*) exit 1 ;; esac';
    const { status, stderr } = run(['kind/up.sh'], { ...working, helm: 'exit 1', kubectl });
    expect(stderr).toContain('kind/up.sh: the release is not ready');
    expect(status).toBe(1);
  });

  it('asks the services directly, not through a proxy of the environment', () => {
    const { calls } = run(['kind/up.sh'], working);
    expect(calls.match(/^curl .*/gm)).toEqual([
      expect.stringMatching(/--noproxy \* .*:\d+\/readyz/),
      expect.stringMatching(/--noproxy \* .*:\d+\/readyz/),
    ]);
  });

  it('passes on its options', () => {
    const kubectl = `case "$*" in *'get nodes'*) exit 1 ;; ${forwards} ;; esac`;
    const options = ['--name', 'other', '--node-image', 'node:1', '--build-arg', 'A=b c'];
    const { status, stdout, calls } = run(['kind/up.sh', ...options], { ...working, kubectl });
    expect(calls).toMatch(/^kind create cluster --name other .*--image node:1/m);
    expect(calls).toMatch(/^docker build --build-arg A=b c --file services\/offers/m);
    expect(calls).toMatch(/^helm upgrade .*--kube-context kind-other/m);
    expect(stdout).toContain('kind/down.sh --name other');
    expect(status).toBe(0);
  });

  it('prints local ports that no other program uses', async () => {
    const taken = createServer();
    // An error means that another program uses the port already.
    taken.on('error', () => undefined).listen(8080, '127.0.0.1');
    await new Promise((resolve) => setImmediate(resolve));
    try {
      const { status, stdout } = run(['kind/up.sh'], working);
      const [, port = ''] = /service\/loan-buddy-offers (\d+):8080/.exec(stdout) ?? [];
      expect(Number(port)).toBeGreaterThan(8080);
      expect(stdout).toContain(`curl -X GET http://localhost:${port}/offers`);
      expect(stdout).toContain(`Or open http://localhost:${port} in a browser.`);
      expect(status).toBe(0);
    } finally {
      taken.close();
    }
  });

  it('says why the release is not ready', () => {
    const kubectl = `case "$*" in
      *'get pods -o wide'*) echo offers-1 Pending ;;
      *'get events'*) echo FailedScheduling ;;
    esac`;
    const { status, stdout, stderr } = run(['kind/up.sh'], { ...working, helm: 'exit 1', kubectl });
    expect(stderr).toMatch(/offers-1 Pending\nWarnings:\nFailedScheduling\n[^]*is not ready/);
    expect(stdout).not.toContain('Forward its ports');
    expect(status).toBe(1);
  });

  it('fails if port-forward does, although another program responds', () => {
    const kubectl = 'case "$*" in *port-forward*) sleep 0.5; exit 1 ;; esac';
    const { status, stderr } = run(['kind/up.sh'], { ...working, kubectl });
    expect(stderr).toContain('offers does not respond through port-forward');
    expect(status).toBe(1);
  });
});

describe('kind/down.sh', () => {
  it('removes the cluster, and the images', () => {
    const docker = `case "$*" in *'image ls'*offers*) printf 'o:dev\\no:1\\n' ;; esac`;
    const { status, calls } = run(['kind/down.sh', '--name', 'other'], { ...working, docker });
    expect(calls).toMatch(/^kind delete cluster --name other$/m);
    expect(calls).toMatch(/^docker rmi o:dev\ndocker rmi o:1$/m);
    expect(status).toBe(0);
  });
});

describe('.ci/run', () => {
  it('finds a node image without a tag, as kind itself pulls it', () => {
    const docker = `case "$*" in *Digest*) echo kindest/node@sha256:1234 ;; *) echo 'kindest/node:<none>' ;; esac`;
    const script = 'eval "$(sed -n "/^kind_image()/,/^}/p" .ci/run)" && kind_image';
    const { stdout } = run(['bash', '-c', script], { ...working, docker });
    expect(stdout).toBe('kindest/node@sha256:1234\n');
  });
});

describe('npm run kind:check', () => {
  const check = [process.execPath, 'kind/check/main.mjs'];
  const list = (items: object[]) => `cat <<'JSON'\n${JSON.stringify({ items })}\nJSON\n`;

  it('ends although an upgrade failed while it watched the pods', () => {
    const deployment = {
      metadata: { name: 'offers' },
      spec: { template: { spec: { containers: [{ image: 'loan-buddy/offers:a' }] } } },
      status: { readyReplicas: 2 },
    };
    const kubectl = `case "$*" in
      *psql*) echo 0 ;;
      *'get deployments'*) ${list([deployment])} ;;
      *apply*) cat >/dev/null ;;
    esac`;
    const { stdout, signal } = run([...check, 'autoscaling switched on under load'], {
      kubectl,
      helm: 'exit 1',
    });
    expect(stdout).toContain('0 passed, 1 failed');
    expect(signal).toBeNull();
  });

  it.each([
    ['passes if a container of Compose uses an image', 'exit 1', '1 passed, 0 failed'],
    ['fails if an image is left although docker removed it', '', '0 passed, 1 failed'],
  ])('%s', (_, remove, result) => {
    const docker = `case "$*" in 'image ls'*) echo loan-buddy/offers:dev ;; rmi*) ${remove} ;; esac`;
    const { stdout } = run([...check, 'down'], { docker, kind: '' });
    expect(stdout).toContain(result);
  });

  it('ends although one of two port-forwards failed', () => {
    const kubectl = `case "$*" in
      *confirm-payment*) exit 1 ;;
      *) echo Forwarding from 127.0.0.1:1 && exec sleep 50 ;;
    esac`;
    const { stdout, signal } = run([...check, 'curl through port-forward'], { kubectl });
    expect(stdout).toContain('0 passed, 1 failed');
    expect(signal).toBeNull();
  });
});
