/** The Terraform resources that the services rely on. Reads them as text, without Terraform or its providers. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import {
  readConfig as readConfirmPaymentConfig,
  variableNames as confirmPaymentVariables,
} from '../services/confirm-payment/src/config';
import {
  readConfig as readOffersConfig,
  variableNames as offersVariables,
} from '../services/offers/src/config';
import { root } from './support/service-process';

const textOf = (file: string) => readFileSync(join(root, 'terraform', file), 'utf8');

/** All blocks of resources, data and ephemeral values, by address. */
const blocks = new Map(
  readdirSync(join(root, 'terraform'))
    .filter((name) => name.endsWith('.tf'))
    .flatMap((name) => [
      ...textOf(name).matchAll(/^(resource|data|ephemeral) "(\w+)" "(\w+)" \{$([^]*?)^\}$/gm),
    ])
    .map(([, kind, type, name, block]) => [
      `${kind === 'resource' ? '' : `${kind!}.`}${type!}.${name!}`,
      block!,
    ]),
);

/** Returns the addresses that a block waits for, directly or through others. */
function waitsFor(address: string, found = new Set<string>()): Set<string> {
  const named = blocks
    .get(address)!
    .matchAll(/\b(?:data\.|ephemeral\.)?(?:google|random)_\w+\.\w+/g);
  for (const [other] of named) {
    if (found.has(other) || !blocks.has(other)) continue;
    found.add(other);
    waitsFor(other, found);
  }
  return found;
}

describe('the first apply', () => {
  const created = [...blocks.keys()].filter((address) => address.startsWith('google_'));

  it('creates everything after the APIs are enabled', () => {
    expect(created.length).toBeGreaterThan(40);
    const tooEarly = created.filter(
      (address) => !waitsFor(address).has('google_project_service.this'),
    );
    expect(tooEarly.sort()).toEqual([
      'google_project_service.first',
      'google_project_service.this',
    ]);
    expect([...waitsFor('google_project_service.this')]).toEqual(['google_project_service.first']);
  });

  it('reads the project after the API for it is enabled, independently of the other APIs', () => {
    expect([...waitsFor('data.google_project.this')]).toEqual(['google_project_service.first']);
    expect(blocks.get('google_project_service.first')).toContain(
      'cloudresourcemanager.googleapis.com',
    );
  });

  it('grants rights to Pub/Sub itself after the first topic', () => {
    const grants = created.filter((address) => blocks.get(address)!.includes('local.pubsub_agent'));
    expect(grants).toHaveLength(3);
    expect(grants.filter((grant) => !waitsFor(grant).has('google_pubsub_topic.this'))).toEqual([]);
  });

  it('creates the subscription of BigQuery long after the grants for it', () => {
    const before = waitsFor('google_pubsub_subscription.analytics');
    expect(before).toContain('google_bigquery_table_iam_member.pubsub');
    expect(before).toContain('google_sql_database_instance.this');
    expect(waitsFor('google_bigquery_table_iam_member.pubsub')).not.toContain(
      'google_sql_database_instance.this',
    );
  });

  it('needs only the roles that docs/deploy.md lists', () => {
    const roles: Record<string, string> = {
      google_artifact_registry: 'artifactregistry.admin',
      google_bigquery: 'bigquery.admin',
      google_compute: 'compute.admin',
      google_container: 'container.admin',
      google_iam_workload_identity_pool: 'iam.workloadIdentityPoolAdmin',
      google_project_iam: 'resourcemanager.projectIamAdmin',
      google_project_service: 'serviceusage.serviceUsageAdmin',
      google_pubsub: 'pubsub.admin',
      google_secret_manager: 'secretmanager.admin',
      google_service_account: 'iam.serviceAccountAdmin',
      google_service_networking: 'servicenetworking.networksAdmin',
      google_sql: 'cloudsql.admin',
    };
    const documented = readFileSync(join(root, 'docs/deploy.md'), 'utf8');
    const withoutRole = created.filter((address) => {
      const kind = Object.keys(roles).find((start) => address.startsWith(start));
      return !kind || !documented.includes(`\`roles/${roles[kind]!}\``);
    });
    expect(withoutRole).toEqual([]);
  });
});

it('has a backend for the bucket that is valid once it is uncommented', () => {
  // On one line, HCL allows one argument only.
  expect(textOf('versions.tf')).toMatch(
    /^ {2}# backend "gcs" \{\n {2}# {3}bucket = "[\w-]+"\n {2}# {3}prefix = "[\w-]+"\n {2}# \}$/m,
  );
});

describe('secrets', () => {
  it('are not in the state', () => {
    const lines = [...blocks]
      .filter(([address]) => !address.startsWith('ephemeral.'))
      .flatMap(([, block]) => block.split('\n'));
    // A write-only argument ends in _wo.
    const stored =
      /^ *(?!\w+_wo\b)\w+ *=.*(?:\bephemeral\.|database_password)|^ *(?:password|secret_data) *=/;
    expect(lines.filter((line) => stored.test(line))).toEqual([]);
    expect([...blocks.keys()].filter((address) => address.startsWith('random_'))).toEqual([]);
  });

  it('cannot be committed by accident', () => {
    const ignored = readFileSync(join(root, '.gitignore'), 'utf8').split('\n');
    const files = ['.terraform/', '*.tfstate*', '*.tfvars', 'values-project.yaml'];
    expect(ignored).toEqual(expect.arrayContaining(files));
  });
});

describe('the number of pods', () => {
  it('is in the same values as the pool that is computed from it, and in no others', () => {
    expect(textOf('outputs.tf')).toContain(
      'autoscaling = { maxReplicas = var.kubernetes.max_offers_pods }',
    );
    const gke = parse(readFileSync(join(root, 'helm/loan-buddy/values-gke.yaml'), 'utf8')) as {
      offers: { autoscaling: { minReplicas: number } };
    };
    const { minReplicas, ...others } = gke.offers.autoscaling;
    expect(others).toEqual({});
    expect(textOf('variables.tf')).toContain(
      `var.kubernetes.max_offers_pods >= ${String(minReplicas)} `,
    );
  });
});

describe('the Pub/Sub resources', () => {
  const pubsub = textOf('pubsub.tf');
  const resourceOf = (text: string, type: string, name: string) =>
    new RegExp(`^resource "${type}" "${name}" \\{$([^]*?)^\\}$`, 'm').exec(text)?.[1] ?? '';

  /** Returns the text between a line and the closing brace with the same indentation. */
  function blockOf(text: string, start: string): string {
    const found = new RegExp(`^( *)${start} = \\{$([^]*?)^\\1\\}$`, 'm').exec(text);
    if (!found) throw new Error(`there is no ${start}`);
    return found[2]!;
  }
  const pairsOf = (block: string): Record<string, string> =>
    Object.fromEntries(
      [...block.matchAll(/^ *([\w-]+) += (.*[^{\n])$/gm)].map(([, key, value]) => [key!, value!]),
    );
  const topicIds = [...(/topic_ids = toset\((.*)\)/.exec(pubsub)?.[1] ?? '').matchAll(/[\w-]+/g)];
  const workers = Object.entries(pairsOf(blockOf(pubsub, 'workers')));

  /** Maps a service's default names, which contain no environment, to Terraform expressions. */
  const places: Record<string, string> = Object.fromEntries([
    ...topicIds.map(([id]) => [`loan-buddy-${id}`, `google_pubsub_topic.this["${id}"].name`]),
    ...workers.map(([topic, worker]) => [
      `loan-buddy-${topic}-${worker.replaceAll('"', '')}`,
      `google_pubsub_subscription.work["${topic}"].name`,
    ]),
  ]);

  it.each([
    ['offers', 'offers', offersVariables, readOffersConfig({})],
    ['confirm-payment', 'confirmPayment', confirmPaymentVariables, readConfirmPaymentConfig({})],
  ])('include all that %s uses, under the names in its values', (_, key, variables, config) => {
    const named = variables.filter((name) => /^PUBSUB_\w+_(TOPIC|SUBSCRIPTION)$/.test(name));
    const values = pairsOf(blockOf(blockOf(textOf('outputs.tf'), key), 'config'));
    expect(values).toStrictEqual({
      ...Object.fromEntries(
        named.map((name) => [name, places[config[name as 'PUBSUB_DECISIONS_TOPIC']]]),
      ),
      PUBSUB_MAX_DELIVERIES: 'tostring(var.pubsub.max_deliveries)',
      ...(key === 'offers' && { DATABASE_POOL_SIZE: 'tostring(local.pool_size)' }),
    });
    const maxDeliveries = /max_deliveries = optional\(number, (\d+)\)/.exec(textOf('variables.tf'));
    expect(Number(maxDeliveries?.[1])).toBe(config.PUBSUB_MAX_DELIVERIES);
  });

  it('include a subscription for each topic that a service reads, with a dead-letter topic', () => {
    const work = resourceOf(pubsub, 'google_pubsub_subscription', 'work');
    expect(pairsOf(work)).toMatchObject({
      for_each: 'local.workers',
      name: '"${local.name}-${each.key}-${each.value}"',
      topic: 'google_pubsub_topic.this[each.key].id',
      dead_letter_topic: 'google_pubsub_topic.this["dead-letters"].id',
      max_delivery_attempts: 'var.pubsub.max_deliveries',
    });
  });

  it('send events to the dead letters only after BigQuery was down for half a day', () => {
    const analytics = textOf('bigquery.tf');
    const subscription = resourceOf(analytics, 'google_pubsub_subscription', 'analytics');
    const secondsOf = (backoff: string | undefined) => Number(/^"(\d+)s"$/.exec(backoff!)?.[1]);
    const { minimum_backoff, maximum_backoff, max_delivery_attempts } = pairsOf(subscription);
    const [shortest, longest] = [secondsOf(minimum_backoff), secondsOf(maximum_backoff)];
    let seconds = 0;
    for (let attempt = 1; attempt < Number(max_delivery_attempts); attempt++) {
      seconds += Math.min(shortest * 2 ** (attempt - 1), longest);
    }
    expect(seconds / 3600).toBeGreaterThan(12);
  });

  it('can be read by the services that check them', () => {
    const viewers = [
      ...pubsub.matchAll(/^resource "(google_pubsub_\w+)" "\w*viewer" \{$([^]*?)^\}$/gm),
    ].map(([, type, block]) => {
      const { for_each: whose, topic, subscription, role } = pairsOf(block!);
      return [type, whose, topic ?? subscription, role];
    });
    const role = '"roles/pubsub.viewer"';
    expect(viewers.sort()).toEqual([
      [
        'google_pubsub_subscription_iam_member',
        'local.workers',
        'google_pubsub_subscription.work[each.key].id',
        role,
      ],
      [
        'google_pubsub_topic_iam_member',
        'local.publishers',
        'google_pubsub_topic.this[each.key].id',
        role,
      ],
      [
        'google_pubsub_topic_iam_member',
        'toset(values(local.workers))',
        'google_pubsub_topic.this["dead-letters"].id',
        role,
      ],
    ]);
  });
});
