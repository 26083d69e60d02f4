/** The rendered Helm chart. Needs helm. Long, because rendering is shared, and each value has its cases. */
/* The rendered objects have no types here; the Kubernetes schemas check their shape. */
/* eslint-disable @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeUnless } from '@loan-buddy/kit/testing';
import { parse, parseAllDocuments } from 'yaml';
import { variableNames as confirmPaymentVariables } from '../services/confirm-payment/src/config';
import { variableNames as offersVariables } from '../services/offers/src/config';
import { DATABASE_WAIT_MS } from '../services/offers/src/db/wait-for-server';
import { root } from './support/service-process';

const chart = join(root, 'helm/loan-buddy');
const hasHelm = spawnSync('helm', ['version']).status === 0;
const describeWithHelm = describeUnless(hasHelm ? undefined : 'this machine has no helm');

interface Rendered {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each kind of object has its own
  spec: any;
  data?: Record<string, string>;
}

function render(...args: string[]): Rendered[] {
  const text = execFileSync('helm', ['template', 'lb', chart, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as Rendered | null) ?? []);
}

const prometheus = { namespaceSelector: { matchLabels: { name: 'monitoring' } } };

const googleCollectors = {
  namespaceSelector: {
    matchExpressions: [
      {
        key: 'kubernetes.io/metadata.name',
        operator: 'In',
        values: ['gke-gmp-system', 'gmp-system'],
      },
    ],
  },
};

/** The required choices, set for a trial. */
const trial = ['--set', 'auth.mode=none'];

const variants: Record<string, string[]> = {
  trial,
  kind: ['--values', join(chart, 'values-kind.yaml')],
  gke: [
    ...['--values', join(chart, 'values-gke.yaml'), '--set', 'pubsub.projectId=my-project'],
    ...['--set', 'auth.issuer=https://issuer.example,auth.audience=loan-buddy'],
    ...['--set', 'auth.jwksUrl=https://issuer.example/jwks,auth.testToken.secretName=flow-token'],
    ...['--set', 'ingress.enabled=true,ingress.hosts={loans.example},ingress.gke.enabled=true'],
    ...['--set', 'ingress.gke.address=address,ingress.gke.certificate=certificate'],
    ...['--set', 'ingress.gke.securityPolicy=armor,ingress.gke.sslPolicy=modern'],
  ],
  'everything on': [
    '--values',
    join(chart, 'values-kind.yaml'),
    ...['--set', 'ingress.enabled=true,ingress.hosts={loans.example},ingress.tlsSecretName=tls'],
    ...['--set', 'gateway.enabled=true,gateway.parentRefs[0].name=gateway'],
    ...['--set', 'trustProxy=1,corsOrigins={https://app.example.com}'],
    ...['--set', 'metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.labels.release=prom'],
    ...['--set', 'metrics.prometheusRule.enabled=true,metrics.prometheusRule.labels.release=prom'],
    ...['--set', 'metrics.dashboard.enabled=true'],
    ...['--set-json', `networkPolicy.metricsFrom=${JSON.stringify([prometheus])}`],
    ...['--set', 'offers.autoscaling.enabled=true,offers.config.LOG_LEVEL=debug'],
    ...['--set', 'smtp.secretName=mail,smtp.from=loans@example.com'],
    ...['--set', 'tracing.endpoint=http://collector.observability:4318'],
    ...['--set', 'tracing.config.OTEL_TRACES_SAMPLER=parentbased_traceidratio'],
    ...['--set-string', 'tracing.config.OTEL_TRACES_SAMPLER_ARG=0.01'],
    ...['--set-json', `networkPolicy.tracesTo=${JSON.stringify([prometheus])}`],
    ...[
      '--set-json',
      'offers.providers=[{"type":"mock","name":"A","offers":[{"id":"a","rate":1,"amount":2}]}]',
    ],
  ],
};

const schemas = {
  'apps/v1': ['Deployment', 'StatefulSet'],
  v1: ['Service', 'ServiceAccount', 'ConfigMap', 'Pod'],
  'batch/v1': ['Job'],
  'autoscaling/v2': ['HorizontalPodAutoscaler'],
  'policy/v1': ['PodDisruptionBudget'],
  'networking.k8s.io/v1': ['NetworkPolicy', 'Ingress'],
} as const;

/** Kinds that are not part of Kubernetes itself. */
const extensions = [
  'gateway.networking.k8s.io/v1',
  'monitoring.coreos.com/v1',
  'monitoring.googleapis.com/v1',
  'cloud.google.com/v1',
  'networking.gke.io/v1beta1',
];

/** Checks an object against the schema of its kind. */
function validate(object: Rendered): void {
  if (extensions.includes(object.apiVersion)) return;
  const kinds: readonly string[] = schemas[object.apiVersion as keyof typeof schemas];
  if (!kinds.includes(object.kind)) throw new Error(`${object.apiVersion} ${object.kind}`);
  const [group = '', version = group] = object.apiVersion.split('/');
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the path depends on the object
  const models = require(
    `kubernetes-models/${object.apiVersion === 'v1' ? 'v1' : `${group}/${version}`}`,
  ) as Record<string, new (data: object) => { validate: () => void }>;
  new models[object.kind]!(object).validate();
}

describeWithHelm('the chart', () => {
  const byName = (objects: Rendered[], kind: string, name: string) => {
    const found = objects.find((each) => each.kind === kind && each.metadata.name === name);
    if (!found) throw new Error(`no ${kind} ${name}`);
    return found;
  };
  const podsOf = (objects: Rendered[]) =>
    objects.flatMap((object) => {
      if (object.kind === 'Pod') return [object.spec];
      return ['Deployment', 'StatefulSet', 'Job'].includes(object.kind)
        ? [object.spec.template.spec]
        : [];
    });

  /** Returns Helm's message about a value that it refuses. */
  const refusal = (setting: string): string => {
    const args = ['template', 'lb', chart, ...trial, '--set', setting];
    const { status, stderr } = spawnSync('helm', args, { encoding: 'utf8' });
    expect(status).not.toBe(0);
    return stderr;
  };

  it('passes helm lint --strict', () => {
    execFileSync('helm', ['lint', '--strict', chart, ...trial], { stdio: 'pipe' });
  });

  it('says in helm lint, too, that auth.mode is missing', () => {
    const { stdout, stderr } = spawnSync('helm', ['lint', chart], { encoding: 'utf8' });
    expect(stdout + stderr).toContain('auth.mode: set jwt');
  });

  describe.each(Object.entries(variants))('with the values %s', (_, args) => {
    const objects = hasHelm ? render(...args) : [];

    it('matches the Kubernetes schemas', () => {
      expect(objects.length).toBeGreaterThan(12);
      for (const object of objects) validate(object);
    });

    it('contains no secret, only the name of one', () => {
      const text = JSON.stringify(objects);
      expect(objects.map(({ kind }) => kind)).not.toContain('Secret');
      expect(text).not.toMatch(/postgres(ql)?:\/\//);
      const urls = podsOf(objects).flatMap((pod) =>
        pod.containers.flatMap((container: { env?: { name: string; valueFrom?: object }[] }) =>
          (container.env ?? []).filter(
            ({ name }) => /URL$|PASSWORD$|SECRETS$|TOKEN$/.test(name) && name !== 'OFFERS_URL',
          ),
        ),
      );
      expect(urls.length).toBeGreaterThanOrEqual(2);
      for (const { valueFrom } of urls) expect(valueFrom).toHaveProperty('secretKeyRef');
    });

    it('runs every pod with minimal privileges', () => {
      const pods = podsOf(objects);
      expect(pods.length).toBeGreaterThanOrEqual(4);
      for (const pod of pods) {
        expect(pod.automountServiceAccountToken).toBe(false);
        expect(pod.securityContext).toMatchObject({
          runAsNonRoot: true,
          seccompProfile: { type: 'RuntimeDefault' },
        });
        for (const container of pod.containers) {
          expect(container.securityContext).toEqual({
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          });
          expect(container.resources.requests).toHaveProperty('cpu');
          expect(container.resources.limits).toHaveProperty('memory');
        }
      }
    });

    it.each(['offers', 'confirm-payment'])('rolls out %s without losing a request', (name) => {
      const { spec } = byName(objects, 'Deployment', `lb-${name}`);
      expect(spec.strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
      const [container] = spec.template.spec.containers;
      const { httpGet, periodSeconds, failureThreshold } = container.startupProbe;
      expect(httpGet.path).toBe('/livez');
      // At least a minute for the migrations after the longest wait for the database.
      expect(periodSeconds * failureThreshold).toBeGreaterThanOrEqual(DATABASE_WAIT_MS / 1000 + 60);
      expect(container.livenessProbe.httpGet.path).toBe('/livez');
      expect(container.readinessProbe.httpGet.path).toBe('/readyz');
      const { data } = byName(objects, 'ConfigMap', `lb-${name}`);
      const drainSeconds =
        Number(container.lifecycle.preStop.sleep.seconds) +
        Number(data?.['SHUTDOWN_TIMEOUT_MS']) / 1000;
      expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(drainSeconds);
      expect(spec.template.metadata.annotations['checksum/config']).toMatch(/^[0-9a-f]{64}$/);
    });

    it('selects existing pods, and ports that they have', () => {
      for (const service of objects.filter(({ kind }) => kind === 'Service')) {
        const pods = objects.filter(
          (each) =>
            ['Deployment', 'StatefulSet'].includes(each.kind) &&
            Object.entries(service.spec.selector as Record<string, string>).every(
              ([key, value]) => each.spec.template.metadata.labels[key] === value,
            ),
        );
        expect(pods).toHaveLength(1);
        const ports = pods[0]!.spec.template.spec.containers[0].ports as { name: string }[];
        expect(ports.map(({ name }) => name)).toContain(service.spec.ports[0].targetPort);
      }
    });

    it('lets only offers and Prometheus reach confirm-payment, which reaches only Google and the collector', () => {
      const { spec } = byName(objects, 'NetworkPolicy', 'lb-confirm-payment');
      const offers = byName(objects, 'Deployment', 'lb-offers').spec.selector;
      const isScrapedBy = (monitor: string) => objects.some(({ kind }) => kind === monitor);
      const peers = [
        { podSelector: offers },
        ...(isScrapedBy('ServiceMonitor') ? [prometheus] : []),
        ...(isScrapedBy('PodMonitoring') ? [googleCollectors] : []),
      ];
      expect(spec.policyTypes).toEqual(['Ingress', 'Egress']);
      const asked = objects.some(({ data }) => data?.['APPROVAL_TRANSPORT'] === 'pubsub');
      const traced = objects.some(({ data }) => data?.['OTEL_EXPORTER_OTLP_ENDPOINT']);
      const dns = asked || traced ? 1 : 0;
      expect(spec.egress).toHaveLength(dns + (asked ? 2 : 0) + (traced ? 1 : 0));
      expect(spec.ingress).toEqual(
        peers.map((peer) => ({ from: [peer], ports: [{ port: 8000 }] })),
      );
    });
  });

  it('creates a ServiceMonitor for both services only if enabled', () => {
    const objects = render(...variants['everything on']!);
    for (const name of ['offers', 'confirm-payment']) {
      const { spec, metadata } = byName(objects, 'ServiceMonitor', `lb-${name}`);
      expect(metadata.labels).toHaveProperty('release', 'prom');
      expect(spec.endpoints).toEqual([
        { port: 'http', path: '/metrics', interval: '30s', scrapeTimeout: '10s' },
      ]);
      const services = objects.filter(
        ({ kind, metadata: { labels = {} } }) =>
          kind === 'Service' &&
          Object.entries(spec.selector.matchLabels as object).every(([k, v]) => labels[k] === v),
      );
      expect(services.map((service) => service.metadata.name)).toEqual([`lb-${name}`]);
      expect(services[0]!.spec.ports).toMatchObject([{ name: 'http' }]);
    }
    expect(render(...trial).map(({ kind }) => kind)).not.toContain('ServiceMonitor');
  });

  it('installs the alerts and the dashboard only if enabled, as they are in the files', () => {
    const textOf = (name: string) => readFileSync(join(chart, 'files', name), 'utf8');
    const objects = render(...variants['everything on']!);
    const rule = byName(objects, 'PrometheusRule', 'lb-alerts');
    expect(rule.metadata.labels).toHaveProperty('release', 'prom');
    expect(rule.spec).toEqual(parse(textOf('rules.yaml')));
    const dashboard = byName(objects, 'ConfigMap', 'lb-dashboard');
    expect(dashboard.metadata.labels).toHaveProperty('grafana_dashboard', '1');
    expect(dashboard.data!['loan-buddy.json']!.trim()).toBe(textOf('dashboard.json').trim());
    const names = render(...trial).map(({ metadata }) => metadata.name);
    for (const name of ['lb-alerts', 'lb-dashboard']) expect(names).not.toContain(name);
  });

  it('lets Google’s managed Prometheus scrape both services, and gives it the alerts', () => {
    const objects = render(...variants['gke']!);
    for (const [name, port] of [
      ['offers', 8080],
      ['confirm-payment', 8000],
    ] as const) {
      const { spec } = byName(objects, 'PodMonitoring', `lb-${name}`);
      expect(spec.endpoints).toEqual([{ port: 'http', path: '/metrics', interval: '30s' }]);
      const { template } = byName(objects, 'Deployment', `lb-${name}`).spec;
      expect(template.metadata.labels).toMatchObject(spec.selector.matchLabels);
      const { ingress } = byName(objects, 'NetworkPolicy', `lb-${name}`).spec;
      expect(ingress.at(-1)).toEqual({ from: [googleCollectors], ports: [{ port }] });
    }
    expect(byName(objects, 'Rules', 'lb-alerts').spec).toEqual(
      parse(readFileSync(join(chart, 'files/rules.yaml'), 'utf8')),
    );
    expect(objects.map(({ kind }) => kind)).not.toContain('PrometheusRule');
  });

  it('lets Prometheus reach offers, even if offersFrom is restricted', () => {
    const few = ['--set-json', 'networkPolicy.offersFrom=[{"podSelector":{}}]'];
    const { spec } = byName(
      render(...variants['everything on']!, ...few),
      'NetworkPolicy',
      'lb-offers',
    );
    expect(spec.ingress).toEqual([
      { from: [{ podSelector: {} }], ports: [{ port: 8080 }] },
      { from: [prometheus], ports: [{ port: 8080 }] },
    ]);
  });

  it('exposes neither the metrics nor the endpoints for operators', () => {
    const objects = render(...variants['everything on']!);
    const ingress = byName(objects, 'Ingress', 'lb-offers').spec.rules.flatMap(
      ({ http }: { http: { paths: { path: string; pathType: string }[] } }) => http.paths,
    ) as { path: string; pathType: string }[];
    const routed = byName(objects, 'HTTPRoute', 'lb-offers').spec.rules.flatMap(
      ({ matches }: { matches: { path: { type: string; value: string } }[] }) => matches,
    ) as { path: { type: string; value: string } }[];
    const types: Record<string, string> = { Exact: 'Exact', Prefix: 'PathPrefix' };
    const inRoute = ingress.map(({ path, pathType }) => [types[pathType], path]);
    expect(routed.map(({ path }) => [path.type, path.value])).toEqual(inRoute);
    const isPublic = (path: string) =>
      ingress.some(
        ({ path: own, pathType }) =>
          path === own || (pathType === 'Prefix' && (own === '/' || path.startsWith(`${own}/`))),
      );
    expect(
      [
        '/metrics',
        '/readyz',
        '/failed-orders',
        '/failed-orders/retry',
        '/erasures',
        '/events',
        '/webhook-endpoints',
      ].filter(isPublic),
    ).toEqual([]);
    expect(['/offers', '/offers/x', '/checkout', '/orders/x/events'].every(isPublic)).toBe(true);
    expect(['/', '/page/app.js'].every(isPublic)).toBe(true);
  });

  it('serves the page unless it is off, as on GKE', () => {
    for (const [variant, value] of [
      ['everything on', 'on'],
      ['gke', 'off'],
    ] as const) {
      const objects = render(...variants[variant]!);
      expect(byName(objects, 'ConfigMap', 'lb-offers').data).toHaveProperty('PAGE', value);
      const exposed = objects.filter(({ kind }) => /^(Ingress|HTTPRoute)$/.test(kind));
      expect(exposed).not.toEqual([]);
      for (const each of exposed) {
        const text = JSON.stringify(each.spec);
        expect([text.includes('"/page"'), text.includes('"/"')]).toEqual(
          value === 'on' ? [true, true] : [false, false],
        );
      }
    }
    const asked = render(...variants['gke']!, '--set', 'page.enabled=true');
    expect(byName(asked, 'ConfigMap', 'lb-offers').data).toHaveProperty('PAGE', 'on');
  });

  it('rolls the pods only when the configuration changes', () => {
    const checksum = (...args: string[]): unknown =>
      byName(render(...trial, ...args), 'Deployment', 'lb-offers').spec.template.metadata
        .annotations['checksum/config'];
    expect(checksum()).toBe(checksum());
    expect(checksum('--set', 'offers.config.LOG_LEVEL=debug')).not.toBe(checksum());
    expect(
      checksum('--set-json', 'offers.providers=[{"type":"mock","name":"A","offers":[]}]'),
    ).not.toBe(checksum());
  });

  it('gives offers its providers as a file', () => {
    const objects = render(...variants['everything on']!);
    const { data } = byName(objects, 'ConfigMap', 'lb-offers-providers');
    expect(JSON.parse(data!['providers.json']!)).toMatchObject({ providers: [{ name: 'A' }] });
    const { PROVIDERS_FILE, LOG_LEVEL } = byName(objects, 'ConfigMap', 'lb-offers').data!;
    expect([PROVIDERS_FILE, LOG_LEVEL]).toEqual(['/config/providers.json', 'debug']);
  });

  it('does not restart an in-cluster PostgreSQL for a new image or a new version of the chart', () => {
    const template = (...args: string[]) =>
      byName(render(...variants['kind']!, ...args), 'StatefulSet', 'lb-postgres').spec.template;
    expect(template('--set', 'image.tag=t2')).toEqual(template());
    expect(template().metadata.labels).toEqual({
      'app.kubernetes.io/name': 'postgres',
      'app.kubernetes.io/instance': 'lb',
    });
  });

  it.each([`sha-${'a'.repeat(64)}`, `v1.${'0'.repeat(60)}.1`, '1.0.0-'])(
    'labels pods with a version that Kubernetes accepts, for the tag %s',
    (tag) => {
      const objects = render(...trial, '--set-string', `image.tag=${tag}`);
      const version = byName(objects, 'Deployment', 'lb-offers').metadata.labels![
        'app.kubernetes.io/version'
      ]!;
      expect(version).toMatch(/^[a-zA-Z0-9]([-._a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/);
      expect(tag).toContain(version);
    },
  );

  it('leaves room on a Kind node with two CPUs for an upgrade, helm test and 250m of others', () => {
    const objects = render(...variants['kind']!);
    interface Pod {
      containers: { resources: { requests: { cpu: string } } }[];
    }
    const requests = objects
      .filter(({ kind }) => kind !== 'Job')
      .flatMap((object) => {
        const [pod] = podsOf([object]) as Pod[];
        if (!pod) return [];
        // A rollout adds one pod to each Deployment.
        const surge = object.kind === 'Deployment' ? 1 : 0;
        const { replicas = 1 } = object.spec as { replicas?: number };
        const milliCpu = parseInt(pod.containers[0]!.resources.requests.cpu, 10);
        return Array<number>(replicas + surge).fill(milliCpu);
      });
    expect(requests).toHaveLength(8);
    const ofKind = 950;
    const ofMetricsServer = 100;
    const sum = requests.reduce((total, each) => total + each, ofKind + ofMetricsServer);
    expect(sum).toBeLessThanOrEqual(1750);
  });

  it('trusts the CAs of a ConfigMap, and reaches what offersTo names', () => {
    const rule = { to: [{ podSelector: {} }], ports: [{ port: 8443 }] };
    const objects = render(
      ...variants['everything on']!,
      ...['--set', 'caCertificates.configMapName=cas'],
      ...['--set-json', `networkPolicy.offersTo=${JSON.stringify([rule])}`],
    );
    expect(byName(objects, 'ConfigMap', 'lb-offers').data).toHaveProperty(
      'NODE_EXTRA_CA_CERTS',
      '/config/ca.crt',
    );
    const source = { configMap: { name: 'cas', items: [{ key: 'ca.crt', path: 'ca.crt' }] } };
    const [offers, migrate] = [
      byName(objects, 'Deployment', 'lb-offers'),
      byName(objects, 'Job', 'lb-migrate'),
    ].map(({ spec }) => spec.template.spec);
    expect(offers.volumes[0].projected.sources).toEqual([
      { configMap: { name: 'lb-offers-providers' } },
      source,
    ]);
    expect(migrate.volumes[0].projected.sources).toEqual([source]);
    for (const pod of [offers, migrate]) {
      expect(pod.containers[0].volumeMounts[0]).toMatchObject({ mountPath: '/config' });
    }
    expect(migrate.containers[0].env).toContainEqual({
      name: 'NODE_EXTRA_CA_CERTS',
      value: '/config/ca.crt',
    });
    expect(byName(objects, 'NetworkPolicy', 'lb-offers').spec.egress).toContainEqual(rule);
  });

  it('spreads pods over nodes, also where nodes have no zone', () => {
    for (const name of ['offers', 'confirm-payment']) {
      const { spec } = byName(render(...trial), 'Deployment', `lb-${name}`);
      const { topologySpreadConstraints, affinity } = spec.template.spec;
      expect(topologySpreadConstraints).toMatchObject([
        { topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway' },
      ]);
      expect(affinity.podAntiAffinity).toEqual({
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            podAffinityTerm: {
              topologyKey: 'topology.kubernetes.io/zone',
              labelSelector: spec.selector,
            },
          },
        ],
      });
    }
  });

  it('has a network policy for every pod, and that of migrate is there before it', () => {
    for (const args of Object.values(variants)) {
      const objects = render(...args);
      const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');
      for (const { kind, metadata, spec } of objects) {
        if (!['Deployment', 'StatefulSet', 'Job', 'Pod'].includes(kind)) continue;
        const labels = (kind === 'Pod' ? metadata : spec.template.metadata).labels as Record<
          string,
          string
        >;
        const selecting = policies.filter((policy) =>
          Object.entries(policy.spec.podSelector.matchLabels as object).every(
            ([key, value]) => labels[key] === value,
          ),
        );
        expect(selecting).toHaveLength(1);
        expect(selecting[0]!.spec.policyTypes).toEqual(['Ingress', 'Egress']);
      }
      const [policy, job] = ['NetworkPolicy', 'Job'].map(
        (kind) => byName(objects, kind, 'lb-migrate').metadata.annotations!,
      );
      expect(policy).toMatchObject({
        'helm.sh/hook': job!['helm.sh/hook'],
        'helm.sh/hook-weight': '-1',
      });
    }
    expect(
      render(...trial, '--set', 'networkPolicy.enabled=false').map(({ kind }) => kind),
    ).not.toContain('NetworkPolicy');
  });

  it('migrates before the first install only if the database already exists', () => {
    const hook = (...args: string[]) =>
      byName(render(...trial, ...args), 'Job', 'lb-migrate').metadata.annotations!['helm.sh/hook'];
    expect(hook()).toBe('pre-install,pre-upgrade');
    expect(hook(...variants['kind']!)).toBe('pre-upgrade');
  });

  it.each([
    'offers.replica=3',
    'offers.config.RETRY_ATEMPTS=3',
    'confirmPayment.config.RETRY_ATTEMPTS=3',
    'offers.replicas=0',
    'offers.replicas=two',
    'offers.config.log_level=debug',
    'offers.config.DATABASE_URL=postgres://x',
    'offers.config.SMTP_URL=smtp://user:password@host',
    'offers.config.SMTP_FROM=loans@example.com',
    'offers.config.APPROVAL_TRANSPORT=pubsub',
    'offers.config.EVENT_BUS=pubsub',
    'offers.config.PUBSUB_PROJECT_ID=my-project',
    'confirmPayment.config.APPROVAL_TRANSPORT=pubsub',
    'confirmPayment.config.PUBSUB_PROJECT_ID=my-project',
    'offers.resources.requests.cpu=lots',
    'offers.resources.limits=null',
    'offers.autoscaling.targetCPU=101',
    'offers.service.type=Cluster',
    'offers.providers[0].type=bank',
    'confirmPayment.port=1',
    'database.url=postgres://user:password@host/db',
    'database.secretName=Not_A_Name',
    'database.inCluster.password=x',
    'drain.preStopSeconds=0',
    'image.pullPolicy=Sometimes',
    'image.tag=a b',
    'ingress.hosts={not a host}',
    'networkPolicy.offersFrom[0].cidr=10.0.0.0/8',
    'networkPolicy.offersTo[0].podSelector.x=y',
    'caCertificates.configMapName=Not_A_Name',
    'offers.config.NODE_EXTRA_CA_CERTS=/ca.crt',
    'networkPolicy.metricsFrom[0].namespace=monitoring',
    'metrics.enabled=true',
    'metrics.serviceMonitor.interval=30',
    'metrics.dashboard.labels.a=b',
    'publicPaths={offers}',
    'auth.mode=null',
    'auth=null',
    'auth.mode=oauth',
    'auth.mode=jwt,auth.secretName=s,auth.issuer=a,auth.audience=b,auth.jwksUrl=ftp://x',
    'auth.mode=jwt,auth.secretName=s,auth.issuer=a,auth.audience=b,auth.jwksUrl=http://x/y',
    'auth.secret=between-the-services',
    'auth.testToken.token=x',
    'auth.testToken.secretName=Not_A_Name',
    'offers.config.AUTH_MODE=none',
    'offers.config.AUTH_JWKS_FILE=/keys.json',
    'confirmPayment.config.SERVICE_AUTH_SECRETS=x',
    'rateLimit.mode=yes',
    'rateLimit.reads=0',
    'trustProxy=-1',
    'corsOrigins={*}',
    'publicPaths={}',
    'unknown=1',
    'pubsub.events=true,pubsub.projectId=X',
    'smtp.secretName=Not_A_Name,smtp.from=a@b.example',
    'smtp.from=a@b.example,smtp.secretName=mail,smtp.port=0',
    'tracing.endpoint=collector:4318',
    'tracing.endpoint=http://collector:4318,tracing.config.OTEL_EXPORTER_OTLP_HEADERS=a=b',
  ])('refuses %s', (setting) => {
    expect(refusal(setting)).toMatch(/values don't meet the specifications of the schema/);
  });

  const keys = 'auth.issuer=a,auth.audience=b,auth.jwksUrl=https://x/y';
  const gke = 'ingress.gke.enabled=true,ingress.gke.address=a,ingress.gke.certificate=c';
  it.each([
    ['auth.mode=', 'auth.mode: set jwt'],
    ['auth.mode=jwt', 'auth.mode=jwt: set auth.issuer, '],
    [`auth.mode=jwt,${keys}`, 'auth.mode=jwt: set '],
    [`auth.mode=jwt,auth.secretName=s,${keys},auth.issuer=null`, 'auth.mode=jwt: set '],
    [`auth.mode=jwt,auth.secretName=s,${keys},auth.audience=`, 'auth.mode=jwt: set '],
    [`auth.mode=jwt,auth.secretName=s,${keys},auth.jwksUrl=`, 'auth.mode=jwt: set '],
    ['trustProxy=1,ingress.enabled=true', 'ingress.enabled: set ingress.hosts'],
    ['ingress.enabled=true,ingress.hosts={a.example}', 'trustProxy: set '],
    ['ingress.enabled=true,ingress.hosts={a.example},trustProxy=null', 'trustProxy: set '],
    ['trustProxy=1,gateway.enabled=true', 'gateway.enabled: set gateway.parentRefs'],
    ['gateway.enabled=true,gateway.parentRefs[0].name=gateway', 'trustProxy: set '],
    [gke, 'ingress.gke.enabled: set '],
    [`${gke},ingress.gke.securityPolicy=s,ingress.className=gce`, 'leave ingress.className empty'],
    ['metrics.serviceMonitor.enabled=true', 'set networkPolicy.metricsFrom'],
    ['metrics.googleManaged.enabled=true', 'set networkPolicy.metricsFrom'],
    ['pubsub.approval=true', 'set pubsub.projectId'],
    ['pubsub.events=true', 'set pubsub.projectId'],
    ['smtp.secretName=mail', 'set smtp.from'],
    ['tracing.config.OTEL_TRACES_SAMPLER=always_on', 'set tracing.endpoint'],
    ['tracing.endpoint=http://collector:4318', 'set networkPolicy.tracesTo'],
    ['smtp.secretName=mail,smtp.from=null', 'set smtp.from'],
  ])('refuses %s, and says what to set', (setting, message) => {
    expect(refusal(setting)).toContain(message);
  });

  it('names all rules that the values break', () => {
    expect(refusal('auth.mode=,pubsub.events=true')).toMatch(
      /invalid values\nauth\.mode: .*\npubsub\..*: set pubsub.projectId/,
    );
  });
});

describeWithHelm('events', () => {
  const configOf = (rendered: Rendered[], name: string) =>
    rendered.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === `lb-${name}`)
      ?.data;
  const portsOut = (rendered: Rendered[], name: string): number[] =>
    rendered
      .find(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === `lb-${name}`)
      ?.spec.egress.flatMap(({ ports }: { ports: { port: number }[] }) =>
        ports.map(({ port }) => port),
      );

  it('go over Pub/Sub only if enabled; otherwise no pod connects to Google', () => {
    const off = render(...trial);
    for (const name of ['offers', 'confirm-payment']) {
      expect(configOf(off, name)).not.toHaveProperty('APPROVAL_TRANSPORT');
    }
    expect(portsOut(off, 'confirm-payment')).toEqual([]);
    const on = render(...trial, '--set', 'pubsub.approval=true,pubsub.projectId=my-project');
    for (const name of ['offers', 'confirm-payment']) {
      expect(configOf(on, name)).toMatchObject({
        APPROVAL_TRANSPORT: 'pubsub',
        PUBSUB_PROJECT_ID: 'my-project',
      });
      expect(portsOut(on, name)).toEqual(expect.arrayContaining([53, 443, 80, 988]));
    }
    expect(configOf(on, 'offers')).not.toHaveProperty('EVENT_BUS');
    const events = render(...trial, '--set', 'pubsub.events=true,pubsub.projectId=my-project');
    expect(configOf(events, 'offers')).toMatchObject({ EVENT_BUS: 'pubsub' });
    expect(portsOut(events, 'confirm-payment')).toEqual([]);
  });

  it('go out by e-mail if a Secret has the mail server', () => {
    expect(JSON.stringify(render(...trial))).not.toMatch(/SMTP/);
    const on = render(
      ...trial,
      '--set',
      'smtp.secretName=mail,smtp.from=loans@example.com,smtp.port=465',
    );
    expect(configOf(on, 'offers')).toMatchObject({ SMTP_FROM: 'loans@example.com' });
    expect(portsOut(on, 'offers')).toContain(465);
    const offers = on.find(({ kind }) => kind === 'Deployment');
    expect(offers?.spec.template.spec.containers[0].env).toContainEqual({
      name: 'SMTP_URL',
      valueFrom: { secretKeyRef: { name: 'mail', key: 'url' } },
    });
  });
});

describeWithHelm('observability', () => {
  const configOf = (rendered: Rendered[], name: string) =>
    rendered.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === `lb-${name}`)!
      .data!;

  it.each(['offers', 'confirm-payment'])('has the log of %s for Cloud Logging on GKE', (name) => {
    expect(configOf(render(...variants['gke']!), name)).toHaveProperty('LOG_FORMAT', 'google');
    expect(configOf(render(...trial), name)).not.toHaveProperty('LOG_FORMAT');
  });

  it('sends no traces unless asked to', () => {
    expect(JSON.stringify(render(...trial))).not.toContain('OTEL');
  });

  describe.each(['offers', 'confirm-payment'])('of %s', (name) => {
    const egressTo = (endpoint: string, ...args: string[]) => {
      const peers = `networkPolicy.tracesTo=${JSON.stringify([prometheus])}`;
      const set = ['--set-json', peers, '--set', `tracing.endpoint=${endpoint}`];
      return render(...trial, ...set, ...args).find(
        ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === `lb-${name}`,
      )!.spec.egress as { ports: { port: number }[]; to?: unknown }[];
    };

    it.each([
      ['http://collector.observability:4318', 4318],
      ['http://collector/otlp', 80],
      ['https://collector.example', 443],
    ])('sends traces to the collector %s, which the network policy lets it reach', (url, port) => {
      const egress = egressTo(url);
      expect(egress).toContainEqual({ ports: [{ port }], to: [prometheus] });
      const dns = { ports: ['UDP', 'TCP'].map((protocol) => ({ port: 53, protocol })) };
      expect(egress).toContainEqual(dns);
      if (name === 'confirm-payment') expect(egress).toHaveLength(2);
      const both = egressTo(url, '--set', 'pubsub.approval=true,pubsub.projectId=my-project');
      expect(both.filter((rule) => JSON.stringify(rule) === JSON.stringify(dns))).toHaveLength(1);
    });

    it('has OpenTelemetry’s variables', () => {
      const objects = render(...variants['everything on']!);
      expect(configOf(objects, name)).toMatchObject({
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.observability:4318',
        OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '0.01',
      });
    });
  });
});

describeWithHelm('authentication', () => {
  const deployment = (rendered: Rendered[], name: string) =>
    rendered.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === `lb-${name}`)!;
  const envOf = (rendered: Rendered[], name: string) =>
    (deployment(rendered, name).spec.template.spec.containers[0].env ?? []) as { name: string }[];
  const dataOf = (rendered: Rendered[], name: string) =>
    rendered.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === `lb-${name}`)!
      .data!;

  it('is set for both services, which share a secret if it uses tokens', () => {
    const off = render(...trial);
    const on = render(...variants['gke']!);
    for (const name of ['offers', 'confirm-payment']) {
      expect(dataOf(off, name)).toMatchObject({ AUTH_MODE: 'none' });
      expect(envOf(off, name).map((each) => each.name)).not.toContain('SERVICE_AUTH_SECRETS');
      expect(dataOf(on, name)).toMatchObject({ AUTH_MODE: 'jwt' });
      expect(envOf(on, name)).toContainEqual({
        name: 'SERVICE_AUTH_SECRETS',
        valueFrom: { secretKeyRef: { name: 'loan-buddy-service-auth', key: 'secrets' } },
      });
    }
    expect(dataOf(on, 'offers')).toMatchObject({
      AUTH_ISSUER: 'https://issuer.example',
      AUTH_AUDIENCE: 'loan-buddy',
      AUTH_JWKS_URL: 'https://issuer.example/jwks',
      AUTH_PUBLIC_OFFERS: 'false',
      TRUST_PROXY: '2',
      RATE_LIMIT_READS: '600',
      RATE_LIMIT_WRITES: '60',
    });
    expect(dataOf(on, 'offers')).not.toHaveProperty('RATE_LIMIT');
  });

  it.each([
    ['on', 'on'],
    ['off', 'off'],
    // YAML parses an unquoted on or off as a boolean.
    ['true', 'on'],
    ['false', 'off'],
  ])('limits rates with rateLimit.mode=%s as %s', (mode, expected) => {
    expect(dataOf(render(...trial, '--set', `rateLimit.mode=${mode}`), 'offers')).toHaveProperty(
      'RATE_LIMIT',
      expected,
    );
  });

  it('is tested with a token by helm test if a Secret has one', () => {
    const envOfFlow = (...args: string[]) =>
      render(...trial, ...args).find(({ kind }) => kind === 'Pod')!.spec.containers[0]
        .env as object[];
    expect(envOfFlow()).toEqual([
      { name: 'AUTH_MODE', value: 'none' },
      { name: 'OFFERS_URL', value: 'http://lb-offers:8080' },
    ]);
    expect(envOfFlow(...variants['gke']!)).toContainEqual({
      name: 'TOKEN',
      valueFrom: { secretKeyRef: { name: 'flow-token', key: 'token' } },
    });
  });

  it('causes a warning in the notes if there is none', () => {
    const folder = mkdtempSync(join(tmpdir(), 'notes-'));
    try {
      cpSync(chart, folder, { recursive: true });
      const notes = 'include (print .Template.BasePath "/NOTES.txt") .';
      writeFileSync(join(folder, 'templates/notes.yaml'), `data: { text: {{ ${notes} | quote }} }`);
      const shown = (...args: string[]) =>
        (
          parse(
            execFileSync(
              'helm',
              ['template', 'lb', folder, '--show-only', 'templates/notes.yaml', ...args],
              { encoding: 'utf8' },
            ),
          ) as { data: { text: string } }
        ).data.text;
      expect(shown(...trial)).toMatch(/\n\nWARNING: auth.mode is not jwt/);
      const jwt = shown(...variants['gke']!);
      expect(jwt).not.toContain('WARNING');
      expect(jwt).toMatch(/\n\nEach curl line needs -H "Authorization: Bearer TOKEN"/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('reaches the issuer’s keys, even without other internet access', () => {
    const ports = (...args: string[]) =>
      render(...trial, '--set', 'networkPolicy.allowInternet=false', ...args)
        .find(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === 'lb-offers')!
        .spec.egress.flatMap((rule: { ports: { port: number }[] }) => rule.ports)
        .map(({ port }: { port: number }) => port);
    expect(ports()).not.toContain(443);
    expect(
      ports(
        ...['--set', 'auth.mode=jwt,auth.issuer=a,auth.audience=b,auth.secretName=s'],
        ...['--set', 'auth.jwksUrl=https://x/y'],
      ),
    ).toContain(443);
  });

  it('runs behind Google’s load balancer, with its policy and certificate', () => {
    const gke = render(...variants['gke']!);
    const find = (kind: string) => gke.find((each) => each.kind === kind)!;
    expect(find('Ingress').metadata.annotations).toEqual({
      'kubernetes.io/ingress.global-static-ip-name': 'address',
      'ingress.gcp.kubernetes.io/pre-shared-cert': 'certificate',
      'networking.gke.io/v1beta1.FrontendConfig': 'lb-offers',
    });
    expect(find('BackendConfig').spec).toEqual({
      timeoutSec: 300,
      connectionDraining: { drainingTimeoutSec: 10 },
      healthCheck: {
        type: 'HTTP',
        requestPath: '/readyz',
        port: 8080,
        checkIntervalSec: 5,
        timeoutSec: 3,
      },
      logging: { enable: true, sampleRate: 1 },
      securityPolicy: { name: 'armor' },
    });
    expect(find('FrontendConfig').spec).toEqual({
      redirectToHttps: { enabled: true },
      sslPolicy: 'modern',
    });
    const { lifecycle } = deployment(gke, 'offers').spec.template.spec.containers[0];
    expect(lifecycle.preStop.sleep.seconds).toBeGreaterThanOrEqual(40);
    const services = gke.filter(({ kind }) => kind === 'Service');
    expect(services.map(({ metadata }) => metadata.annotations)).toEqual([
      {
        'cloud.google.com/neg': '{"ingress": true}',
        'cloud.google.com/backend-config': '{"default":"lb-offers"}',
      },
      undefined,
    ]);
    for (const setting of ['ingress.enabled=false', 'ingress.gke.enabled=false']) {
      const without = JSON.stringify(render(...variants['gke']!, '--set', setting));
      expect(without).not.toMatch(/BackendConfig|FrontendConfig|backend-config|pre-shared-cert/);
    }
  });
});

describe('values.yaml', () => {
  const text = readFileSync(join(chart, 'values.yaml'), 'utf8');
  const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as Schema;

  interface Schema {
    properties?: Record<string, Schema>;
    additionalProperties?: unknown;
  }

  /** Returns the paths of all values that the schema names. */
  const paths = ({ properties = {} }: Schema, prefix = ''): string[] =>
    Object.entries(properties).flatMap(([key, inner]) =>
      inner.properties ? paths(inner, `${prefix}${key}.`) : [`${prefix}${key}`],
    );

  it.each([
    ['offers', offersVariables],
    ['confirmPayment', confirmPaymentVariables],
  ])(
    'accepts for %s each variable that it reads, except those that the chart sets itself',
    (name, all) => {
      const names = (service: string) =>
        (
          schema.properties![service]!.properties!['config'] as {
            propertyNames: { enum: string[] };
          }
        ).propertyNames.enum;
      const bySome = ['DATABASE_URL', 'DATA_DIR', 'HOST', 'PORT', 'NODE_ENV', 'AUTH_MODE'];
      const taken = new Set(names(name));
      expect([...taken].filter((each) => !all.includes(each))).toEqual([]);
      expect(bySome.filter((each) => taken.has(each))).toEqual([]);
      const rendered = hasHelm
        ? render(
            ...variants['gke']!,
            '--set',
            'smtp.secretName=mail,smtp.from=a@b.example,corsOrigins={https://app.example.com}',
          )
        : [];
      const chartSets = new Set(
        rendered
          .filter(({ kind }) => kind === 'ConfigMap' || kind === 'Deployment')
          .flatMap((each) => [
            ...Object.keys(each.data ?? {}),
            ...((each.spec?.template.spec.containers[0].env ?? []) as { name: string }[]).map(
              (variable) => variable.name,
            ),
          ]),
      );
      if (!hasHelm) return;
      const left = all.filter((each) => !taken.has(each) && !chartSets.has(each));
      // Variables that a pod does not need.
      const unused = ['AUTH_JWKS_FILE', 'DATA_DIR', 'HOST', 'NODE_ENV', 'PORT', 'PROVIDERS_FILE'];
      expect(left.filter((each) => !unused.includes(each) && each !== 'RATE_LIMIT')).toEqual([]);
    },
  );

  it('has every value in the schema, and the schema is closed', () => {
    const values = parse(text) as object;
    const known = paths(schema).filter((path) => path !== 'global');
    const missing = known.filter(
      (path) =>
        path
          .split('.')
          .reduce<unknown>(
            (at, key) => (at as Record<string, unknown> | undefined)?.[key],
            values,
          ) === undefined,
    );
    // There is deliberately no CPU limit.
    expect(missing).toEqual(['offers.resources.limits.cpu', 'confirmPayment.resources.limits.cpu']);
    const open = (at: Schema): boolean =>
      at.properties !== undefined &&
      (at.additionalProperties !== false || Object.values(at.properties).some(open));
    const { properties } = schema;
    expect(Object.values({ ...properties, global: {} }).some(open)).toBe(false);
  });
});
