// The steps of the check, in order. Each returns its figures as text, or throws what does not hold. Long, because each is
// one promise of the chart.
import {
  apply,
  cluster,
  command,
  connect,
  expect,
  helm,
  imageOfOffers,
  kubectl,
  namespace,
  nodes,
  objects,
  pause,
  pods,
  portForward,
  rolloutOf,
  scriptPod,
  services,
  spread,
  upgrade,
} from './cluster.mjs';
import { setServiceSecrets, startIssuer } from './issuer.mjs';
import { underLoad, withoutFailure } from './load.mjs';

const spreadOfBoth = async () => (await Promise.all(services.map(spread))).join(', ');
const nameOf = ({ metadata }) => metadata.name;
const uidsOf = (found) => found.map(({ metadata }) => metadata.uid).join();

const down = () => command('kind/down.sh', '--name', cluster);

/** Returns the steps by name. `upArguments` are passed on to kind/up.sh. */
export function stepsOf(upArguments) {
  const up = () =>
    command(
      ...['kind/up.sh', '--name', cluster, '--config', 'kind/check/cluster.yaml'],
      ...upArguments,
    );

  return {
    async install() {
      await down();
      await up();
      const states = (await objects('pods')).flatMap(({ status }) => status.containerStatuses);
      const restarts = states.map(({ restartCount }) => restartCount);
      expect(restarts.length === 5, `${restarts.length} pods instead of 5`);
      expect(!restarts.some(Boolean), `restarts of the pods: ${restarts.join(', ')}`);
      return `5 pods, 0 restarts; ${await spreadOfBoth()}`;
    },

    async 'install again'() {
      const before = uidsOf(await objects('pods'));
      await up();
      expect(
        uidsOf(await objects('pods')) === before,
        'pods were replaced although nothing changed',
      );
      return 'the same pods';
    },

    async 'helm test'() {
      const output = await helm('test', 'loan-buddy', '--logs');
      expect(/POST \/checkout 20[12]/.test(output), `the log of the flow is missing:\n${output}`);
      return `passes and prints its log; ${(await command('helm', 'version', '--short')).trim()}`;
    },

    async 'curl through port-forward'() {
      const forwards = [];
      try {
        forwards.push(await portForward('offers', 8080));
        forwards.push(await portForward('confirm-payment', 8000));
        const [offers, confirmPayment] = forwards.map(({ url }) => url);
        const lines = await command(
          ...['node', '.ci/check-readme.mjs', '--offers', offers],
          ...['--confirm-payment', confirmPayment],
        );
        return `${lines.match(/^ok: /gm).length} examples of the README`;
      } finally {
        for (const { close } of forwards) close();
      }
    },

    'restart under load': () =>
      withoutFailure(async () => {
        for (const name of services) {
          await kubectl('rollout', 'restart', `deployment/loan-buddy-${name}`);
          await rolloutOf(name);
        }
      }),

    async 'new image under load'() {
      const database = uidsOf(await pods('postgres'));
      const [, current] = (await imageOfOffers()).split(':');
      const tag = `check-${Date.now()}`;
      for (const node of await nodes()) {
        for (const name of services) {
          const image = `docker.io/loan-buddy/${name}`;
          const rename = ['images', 'tag', `${image}:${current}`, `${image}:${tag}`];
          await command('docker', 'exec', node, 'ctr', '-n', 'k8s.io', ...rename);
        }
      }
      const text = await withoutFailure(() => upgrade({ 'image.tag': tag }));
      const after = uidsOf(await pods('postgres'));
      expect(after === database, `PostgreSQL was restarted; ${text}`);
      return `${text}; PostgreSQL not restarted; ${await spreadOfBoth()}`;
    },

    'new values under load': () =>
      withoutFailure(() =>
        upgrade({
          'offers.config.LOG_LEVEL': 'debug',
          'confirmPayment.config.LOG_LEVEL': 'debug',
        }),
      ),

    async 'pods killed by force under load'() {
      const victims = [
        'offers',
        'confirm-payment',
        'offers',
        'postgres',
        'confirm-payment',
        'offers',
      ];
      const { text } = await underLoad(async () => {
        for (const name of victims) {
          const [pod] = await pods(name);
          await kubectl('delete', 'pod', nameOf(pod), '--force', '--grace-period=0');
          await pause(4000);
        }
        for (const name of services) await rolloutOf(name);
        await kubectl(
          'wait',
          '--for=condition=Ready',
          'pod/loan-buddy-postgres-0',
          '--timeout=90s',
        );
      });
      return `${victims.length} pods killed; ${text}`;
    },

    async 'drained node under load'() {
      const [database] = await pods('postgres');
      const node = (await nodes()).find(
        (name) => !name.endsWith('control-plane') && name !== database.spec.nodeName,
      );
      try {
        const text = await withoutFailure(async () => {
          await kubectl('drain', node, '--ignore-daemonsets', '--delete-emptydir-data');
          for (const name of services) await rolloutOf(name);
        });
        const all = (await Promise.all(services.map(pods))).flat();
        const left = all.filter(({ spec }) => spec.nodeName === node).map(nameOf);
        expect(left.length === 0, `still on ${node}: ${left.join(', ')}`);
        return text;
      } finally {
        await kubectl('uncordon', node);
      }
    },

    async 'network policies'() {
      await apply(
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'foreign' } },
        await scriptPod({
          name: 'foreign',
          script: 'setTimeout(() => undefined, 600000)',
          metadata: { namespace: 'foreign' },
        }),
      );
      await kubectl('-n', 'foreign', 'wait', '--for=condition=Ready', 'pod/foreign');
      const [[offers], [confirmPayment], [database]] = await Promise.all(
        ['offers', 'confirm-payment', 'postgres'].map(pods),
      );
      const endpoints = await kubectl('-n', 'default', 'get', 'endpointslices', '-o', 'json');
      const slices = JSON.parse(endpoints).items;
      const apiServer = slices.find(({ metadata }) => metadata.name === 'kubernetes');
      const from = (pod) => ({ pod: nameOf(pod) });
      const foreign = { pod: 'foreign', inNamespace: 'foreign' };
      const to = ({ status }, port) => [status.podIP, port];
      const toApiServer = [apiServer.endpoints[0].addresses[0], 6443];
      const cases = [
        [foreign, to(offers, 8080), 'connected'],
        [foreign, to(confirmPayment, 8000), 'blocked'],
        [foreign, to(database, 5432), 'blocked'],
        [from(offers), to(confirmPayment, 8000), 'connected'],
        [from(offers), to(database, 5432), 'connected'],
        [from(offers), toApiServer, 'blocked'],
        [from(confirmPayment), to(offers, 8080), 'blocked'],
        [from(confirmPayment), to(database, 5432), 'blocked'],
        [from(confirmPayment), toApiServer, 'blocked'],
      ];
      const wrong = [];
      for (const [source, target, expected] of cases) {
        const result = await connect(source, ...target);
        if (result !== expected) wrong.push(`${source.pod} to ${target.join(':')}: ${result}`);
      }
      await kubectl('delete', 'namespace', 'foreign');
      expect(wrong.length === 0, wrong.join('; '));
      const blocked = cases.filter(([, , expected]) => expected === 'blocked').length;
      return `${blocked} kinds of connection blocked, ${cases.length - blocked} open`;
    },

    async 'restricted namespace'() {
      const namespaces = await objects('namespaces');
      const { labels } = namespaces.find((each) => nameOf(each) === namespace).metadata;
      const profile = labels['pod-security.kubernetes.io/enforce'];
      expect(profile === 'restricted', `the namespace enforces ${profile}`);
      const refused = (await objects('events')).filter(({ message }) =>
        /PodSecurity/.test(message),
      );
      expect(refused.length === 0, refused[0]?.message);
      return 'every pod passes the profile, those of migrate, helm test and the load included';
    },

    async 'autoscaling switched on under load'() {
      let fewest = Infinity;
      let done = false;
      async function watch() {
        while (!done) {
          for (const { status } of await objects('deployments')) {
            fewest = Math.min(fewest, status.readyReplicas ?? 0);
          }
          await pause(300);
        }
      }
      const autoscaling = (value) => ({
        'offers.autoscaling': value,
        'confirmPayment.autoscaling': value,
      });
      const text = await withoutFailure(async () => {
        const change = upgrade(autoscaling({ enabled: true, maxReplicas: 3 }))
          .then(() => pause(20_000))
          .finally(() => (done = true));
        await Promise.all([watch(), change]);
      });
      await upgrade(autoscaling({ enabled: false }));
      expect(fewest >= 2, `${fewest} ready pods at one time; ${text}`);
      return `never below ${fewest} ready pods; ${text}`;
    },

    async 'tokens, and a rotated secret under load'() {
      const { token, values } = await startIssuer();
      await upgrade(values);
      const output = await helm('test', 'loan-buddy', '--logs');
      const flow = /without a token 401[^]*POST \/checkout 20[12]/;
      expect(flow.test(output), `the flow did not run with a token:\n${output}`);
      const allPods = async () => (await Promise.all(services.map(pods))).flat().map(nameOf);
      let rolled = 0;
      const text = await withoutFailure(async () => {
        for (const secrets of [['a', 'b'], ['b', 'a'], ['b']]) {
          const before = await allPods();
          await setServiceSecrets(...secrets);
          await upgrade();
          if (!(await allPods()).some((name) => before.includes(name))) rolled += 1;
        }
      }, token);
      expect(rolled === 3, `only ${rolled} of 3 new secrets replaced all pods; ${text}`);
      return `all pods replaced for each of 3 secrets; ${text}`;
    },

    async 'wrong issuer under load'() {
      const { token, values, urlWithoutKeys } = await startIssuer();
      await upgrade(values);
      const before = (await pods('offers')).map(nameOf);
      const text = await withoutFailure(async () => {
        const result = await upgrade({ 'auth.jwksUrl': urlWithoutKeys }, '--timeout', '45s').then(
          () => 'succeeded',
          () => 'failed',
        );
        const after = (await pods('offers')).map(nameOf);
        const kept = after.filter((name) => before.includes(name)).length;
        await helm('rollback', 'loan-buddy', '--wait', '--timeout', '5m');
        expect(result === 'failed', 'helm upgrade succeeded, although no keys can be read');
        expect(kept === before.length, `only ${kept} of ${before.length} old pods were left`);
        expect(after.length === kept + 1, `${after.length - kept} new pods instead of 1`);
      }, token);
      return `stopped at the first pod, then rolled back; ${text}`;
    },

    async uninstall() {
      await helm('uninstall', 'loan-buddy', '--wait', '--cascade', 'foreground');
      const kinds =
        'deployments,statefulsets,replicasets,pods,jobs,services,configmaps,serviceaccounts,networkpolicies,hpa,pdb';
      const ours = ['-l', 'app.kubernetes.io/instance=loan-buddy', '-o', 'name'];
      const left = (await kubectl('get', kinds, ...ours)).match(/^\w.*\/.*$/gm) ?? [];
      // The pod of helm test stays for its log.
      expect(left.join() === 'pod/loan-buddy-flow', `left: ${left.join(', ')}`);
      return 'only the volume of PostgreSQL and the finished pod of helm test are left';
    },

    async down() {
      const output = await down();
      const label = `label=io.x-k8s.kind.cluster=${cluster}`;
      const containers = await command('docker', 'ps', '--all', '--quiet', '--filter', label);
      const name = '{{.Repository}}:{{.Tag}}';
      const images = await command('docker', 'image', 'ls', '--format', name, 'loan-buddy/*');
      // Compose has images of the same names: kind/down.sh keeps those in use, and says so.
      const left =
        images.match(/.+/g)?.filter((each) => !output.includes(`keeping the image ${each},`)) ?? [];
      expect(containers === '' && left.length === 0, `left: ${containers} ${left.join(' ')}`);
      return 'no container left, and only images that other containers use';
    },
  };
}
