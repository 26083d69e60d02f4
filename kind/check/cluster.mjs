// The cluster of the check: commands, pods and connections.
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const cluster = 'loan-buddy-check';
export const namespace = 'loan-buddy';
export const root = join(import.meta.dirname, '../..');
export const services = ['offers', 'confirm-payment'];

const run = promisify(execFile);

/** Runs a command in the repository's folder. Returns what it printed. Throws if it fails. */
export async function command(file, ...args) {
  const { stdout, stderr } = await run(file, args, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  return stdout + stderr;
}

const context = ['--context', `kind-${cluster}`];
export const kubectl = (...args) => command('kubectl', ...context, '-n', namespace, ...args);
export const helm = (...args) =>
  command('helm', ...args, '--kube-context', `kind-${cluster}`, '-n', namespace);

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Throws the message unless the condition holds. */
export function expect(condition, message) {
  if (!condition) throw new Error(message);
}

/** Returns the objects that kubectl get finds. */
export const objects = async (...args) =>
  JSON.parse(await kubectl('get', ...args, '-o', 'json')).items;

/** Creates or changes objects. */
export function apply(...items) {
  return new Promise((resolve, reject) => {
    const child = spawn('kubectl', [...context, 'apply', '-f', '-'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error('kubectl apply failed')),
    );
    child.stdin.end(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  });
}

/** Returns the pods of a service that are not terminating. */
export async function pods(name) {
  const all = await objects('pods', '-l', `app.kubernetes.io/name=${name}`);
  return all.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

export const nodes = async () =>
  (await command('kind', 'get', 'nodes', '--name', cluster)).trim().split('\n');

/** Returns the image that the pods of offers run. */
export async function imageOfOffers() {
  const [{ spec }] = await objects('deployments', '-l', 'app.kubernetes.io/name=offers');
  return spec.template.spec.containers[0].image;
}

/** Upgrades with other values, on top of those before. */
export async function upgrade(values = {}, ...options) {
  const settings = Object.entries(values).flatMap(([path, value]) => [
    '--set-json',
    `${path}=${JSON.stringify(value)}`,
  ]);
  await helm(
    ...['upgrade', 'loan-buddy', 'helm/loan-buddy', '--reset-then-reuse-values', ...settings],
    ...['--wait', '--timeout', '5m', ...options],
  );
}

export const rolloutOf = (name) =>
  kubectl('rollout', 'status', `deployment/loan-buddy-${name}`, '--timeout=180s');

/** Returns on how many nodes the pods of a service run. Throws unless there are two. */
export async function spread(name) {
  const found = (await pods(name)).map(({ spec }) => spec.nodeName);
  expect(new Set(found).size === 2, `the pods of ${name} are on ${found.join(' and ')}`);
  return `${name} on 2 nodes`;
}

const controlPlane = 'node-role.kubernetes.io/control-plane';

/** Returns a pod that passes the restricted profile and runs a script in the image of offers. */
export async function scriptPod({ name, script, env = {}, metadata = {} }) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, ...metadata },
    spec: {
      restartPolicy: 'Never',
      // Not on a worker, which may be drained.
      nodeSelector: { [controlPlane]: '' },
      tolerations: [{ key: controlPlane, operator: 'Exists' }],
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 1,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'script',
          image: await imageOfOffers(),
          imagePullPolicy: 'Never',
          command: ['node', '-e', script],
          env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
          resources: { requests: { cpu: '50m' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}

/** Tries a TCP connection from a pod. Returns "connected" or "blocked". */
export async function connect({ pod, inNamespace = namespace }, address, port) {
  const script = `
    const socket = require('net').connect(${port}, '${address}');
    const end = (result) => { console.log(result); process.exit(); };
    socket.setTimeout(4000, () => end('blocked'));
    socket.once('connect', () => end('connected')).once('error', () => end('blocked'));`;
  return (await kubectl('-n', inNamespace, 'exec', pod, '--', 'node', '-e', script)).trim();
}

/** Forwards a free local port to a service. Returns its URL, and a function that ends it. */
export function portForward(name, port) {
  const service = `service/loan-buddy-${name}`;
  const args = [...context, '-n', namespace, 'port-forward', service, `:${port}`];
  const child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('kubectl port-forward ended')));
    child.stdout.on('data', (text) => {
      const [, local] = /127\.0\.0\.1:(\d+)/.exec(text) ?? [];
      if (local) resolve({ url: `http://127.0.0.1:${local}`, close: () => child.kill() });
    });
  });
}
