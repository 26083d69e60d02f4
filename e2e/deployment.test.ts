/** Rules for the deployment files that no tool checks. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse } from 'yaml';
import { readConfig } from '../services/offers/src/config';
import { root } from './support/service-process';

/** Returns the lines that contain a literal password, secret, token or key, or a default for one. */
function literalSecrets(text: string): string[] {
  const named = /(?:password|passwd|secrets?|token|(?:private|api)_?key)["']?\s*[:=]\s*(\S.*)$/i;
  const literal = /^(?:[\w+/=-]+|"[^"${]+"|'[^'${]+')[,;]?$/;
  const fallback = /\$\{\w+:?[-=][^}]/;
  const variable = /name: \w*(?:PASSWORD|SECRETS?|TOKEN|KEY),?\s+value:/;
  const url = /:\/\/[^\s:/@'"]+:(?!password@)[^\s@'"$%]+@/;
  // Not secrets: permissions of a workflow, and a pod's token.
  const harmless = /\bid-token: write$|\bautomountServiceAccountToken: false,?$/;
  return text.split('\n').filter((line, index, lines) => {
    const [, value = ''] = named.exec(line) ?? [];
    const isLiteral = literal.test(value) || fallback.test(value);
    const isVariable = variable.test(`${line} ${lines[index + 1]?.trim() ?? ''}`);
    return (isLiteral || isVariable || url.test(line)) && !harmless.test(line);
  });
}

describe('the deployment files', () => {
  const files = [
    ...['docker-compose.yml', 'services/offers/Dockerfile', 'services/confirm-payment/Dockerfile'],
    ...['.ci', '.github', 'helm', 'kind', 'terraform'].flatMap(filesIn),
  ];

  /** Excludes the files that Terraform generates. */
  function filesIn(folder: string): string[] {
    return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
      .filter(
        (entry) =>
          entry.isFile() &&
          !/\.terraform|\.tfstate|\.tfvars$/.test(join(entry.parentPath, entry.name)),
      )
      .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  }

  it('contain no secret, and no default for one', () => {
    expect(files.length).toBeGreaterThan(40);
    const found = files.flatMap((file) =>
      literalSecrets(readFileSync(join(root, file), 'utf8')).map((line) => `${file}: ${line}`),
    );
    expect(found).toEqual([]);
  });

  it.each([
    'POSTGRES_PASSWORD: loan_buddy',
    "POSTGRES_PASSWORD: 'loan buddy'",
    'POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:-loan_buddy}',
    'DATABASE_URL: postgres://loan_buddy:loan_buddy@postgres:5432/loan_buddy',
    '{ name: POSTGRES_PASSWORD, value: loan_buddy }',
    '- name: SERVICE_AUTH_SECRETS\n  value: between-the-services',
    'token = "0123456789"',
    'ENV API_KEY=0123456789',
  ])('are checked for secrets such as %j', (text) => {
    expect(literalSecrets(text)).toHaveLength(1);
  });
});

it('the image of offers has the page beside the build, where it is read', () => {
  const dockerfile = readFileSync(join(root, 'services/offers/Dockerfile'), 'utf8');
  const copied = [...dockerfile.matchAll(/^COPY --from=build \S+ (\S+)$/gm)].map(([, to]) => to);
  expect(copied).toEqual(['kit/dist', 'offers/dist', 'offers/page'].map((to) => `services/${to}`));
});

describe('docker-compose.yml', () => {
  const text = readFileSync(join(root, 'docker-compose.yml'), 'utf8');
  const { services } = parse(text, { merge: true }) as {
    services: Record<
      string,
      {
        image: string;
        ports?: string[];
        volumes?: string[];
        profiles?: string[];
        environment?: Record<string, string>;
      }
    >;
  };

  it('disables authentication, and publishes ports to this machine only', () => {
    for (const name of ['offers', 'confirm-payment']) {
      expect(services[name]!.environment).toHaveProperty('AUTH_MODE', 'none');
      expect(services[name]!.ports).toHaveLength(1);
    }
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('passes on the settings of e-mail and webhooks, empty by default', () => {
    const { environment = {} } = services['offers']!;
    const names = ['SMTP_URL', 'SMTP_FROM', 'ALLOW_PRIVATE_WEBHOOKS', 'WEBHOOK_TIMEOUT_MS'];
    for (const name of names) expect(environment).toHaveProperty(name, `\${${name}:-}`);
    const unset = readConfig(Object.fromEntries(names.map((name) => [name, ''])));
    expect(unset).toEqual(readConfig({}));
  });

  it('has Prometheus, Grafana and a trace viewer in a profile, in pinned versions', () => {
    const profile = Object.values(services).filter(({ profiles }) =>
      profiles?.includes('observability'),
    );
    expect(profile.map(({ image }) => image.replace(/:v?\d+\.\d+\.\d+$/, ''))).toEqual([
      'prom/prometheus',
      'grafana/grafana',
      'jaegertracing/jaeger',
    ]);
    const files = profile.flatMap(({ volumes = [] }) => volumes.map((each) => each.split(':')[0]!));
    expect(files.length).toBeGreaterThan(3);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    for (const name of ['offers', 'confirm-payment']) {
      const variable = '${OTEL_EXPORTER_OTLP_ENDPOINT:-}';
      expect(services[name]!.environment).toHaveProperty('OTEL_EXPORTER_OTLP_ENDPOINT', variable);
    }
  });

  it('lets Grafana read Prometheus, and its exemplars open the trace viewer', () => {
    const file = readFileSync(join(root, 'compose/grafana-datasources.yml'), 'utf8');
    const { datasources } = parse(file) as {
      datasources: {
        url: string;
        jsonData: { exemplarTraceIdDestinations: { name: string; url: string }[] };
      }[];
    };
    const published = (name: string) => services[name]!.ports![0]!.split(':').slice(1);
    const [prometheus] = datasources;
    expect(prometheus!.url).toBe(`http://prometheus:${published('prometheus')[1]!}`);
    const url = `http://localhost:${published('jaeger')[0]!}/trace/$\${__value.raw}`;
    expect(prometheus!.jsonData.exemplarTraceIdDestinations).toEqual([{ name: 'trace_id', url }]);
  });

  it('gives the database and its password only to offers', () => {
    expect(services['postgres']).not.toHaveProperty('ports');
    expect(services['offers']!.environment).toHaveProperty('DATABASE_URL_FILE', '/secrets/url');
    const sharing = Object.entries(services).filter(([, { volumes = [] }]) =>
      volumes.some((volume) => volume.startsWith('secrets:')),
    );
    expect(sharing.map(([name]) => name).sort()).toEqual(['offers', 'postgres']);
    expect(services['offers']!.volumes).toEqual(['secrets:/secrets:ro']);
  });
});
