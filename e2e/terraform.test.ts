/** The Terraform resources that the services rely on. Reads them as text, without Terraform or its providers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  readConfig as readConfirmPaymentConfig,
  variableNames as confirmPaymentVariables,
} from '../services/confirm-payment/src/config';
import {
  readConfig as readOffersConfig,
  variableNames as offersVariables,
} from '../services/offers/src/config';
import { root } from './support/service-process';

describe('the Pub/Sub resources', () => {
  const textOf = (file: string) => readFileSync(join(root, 'terraform', file), 'utf8');
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
