/**
 * The asynchronous checkout over HTTP and over Google's Pub/Sub emulator, with both built services as processes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openMessageBus } from '../services/kit/src/messaging/message-bus';
import { recordingLogger, until } from '@loan-buddy/kit/testing';
import { orderEventSchema } from '../services/offers/src/domain/order-event';
import {
  inParallel,
  postCheckout,
  report,
  rule,
  untilFinal,
  type OrderBody,
} from './support/client';
import { freePort } from './support/free-port';
import { newStorage, storageName } from './support/postgres';
import { describeWithPubSub, ownEmulator } from './support/pubsub';
import { buy, PUBSUB_PROJECT_ID, respondAsync, setUp, setUpPubSub } from './support/service-pair';
import { failToStart, startService } from './support/service-process';

const CHECKOUTS = 'loan-buddy-checkouts';
const DECISIONS = 'loan-buddy-decisions';

/** Returns the types of an order's events, from its stream. */
async function historyOf(url: string, id: string): Promise<string> {
  let text = '';
  await until(async () => {
    const response = await fetch(`${url}/orders/${id}/events`);
    text = await response.text();
    // A slow machine may shed load.
    if (response.status === 503) return false;
    expect(response.status).toBe(200);
    return true;
  });
  return [...text.matchAll(/^event: com\.loanbuddy\.order\.(.*)$/gm)].map(([, t]) => t).join(' ');
}

/** Expects every order to have the decision that the rule gives, exactly once. */
async function expectDecidedOnce(url: string, orders: readonly OrderBody[]) {
  const { orders: final, ms } = await untilFinal(
    url,
    orders.map(({ id }) => id),
  );
  expect(final.filter(({ status, loan_id }) => status !== rule[loan_id])).toEqual([]);
  const histories = new Set<string>();
  await inParallel(final.length, 10, async (i) => {
    histories.add(await historyOf(url, final[i]!.id));
  });
  expect([...histories].sort()).toEqual([
    'checkout_submitted approved',
    'checkout_submitted rejected',
  ]);
  return ms;
}

/** Sends 500 asynchronous checkouts, and meanwhile kills one of the services at random, twelve times. */
async function expectToSurviveKills(pair: Awaited<ReturnType<typeof setUp>>, transport: string) {
  const { url, start, running } = pair;
  const checkouts = 500;
  const kills = 12;
  const acknowledged: OrderBody[] = [];
  const buying = buy(url, checkouts, acknowledged);
  for (let kill = 0; kill < kills; kill++) {
    // Paced by progress, not by the clock: otherwise a slow machine would only start services.
    await until(() => acknowledged.length >= (kill * checkouts) / kills);
    const name = Math.random() < 0.5 ? 'offers' : 'confirm-payment';
    running[name].kill('SIGKILL');
    await running[name].exit;
    running[name] = await start(name);
  }
  await buying;
  expect(acknowledged).toHaveLength(checkouts);
  const ms = await expectDecidedOnce(url, acknowledged);
  report(
    `${storageName}, ${transport}, ${String(kills)} kills: ${String(checkouts)} acknowledged, all decided once, ` +
      `the last ${(ms / 1000).toFixed(1)} s after`,
  );
}

describe(`over HTTP, on ${storageName}`, () => {
  it('loses nothing and decides nothing twice while both services are killed at random', async () => {
    await expectToSurviveKills(await setUp(), 'HTTP');
  });
});

describeWithPubSub(`over Pub/Sub, on ${storageName}`, () => {
  it('responds at once, and each order soon has its decision', async () => {
    const { url, client } = await setUpPubSub();
    const events = await client.listenTo('loan-buddy-order-events');
    const tookMs: number[] = [];
    for (let i = 0; i < 100; i++) {
      const startedAt = performance.now();
      const body = { user_id: 'cristina', loan_id: 'offer2' };
      const response = await postCheckout(url, body, respondAsync);
      expect(response.status).toBe(202);
      const path = response.headers.get('location')!;
      const headers = { Prefer: 'wait=20' };
      const order = (await (await fetch(url + path, { headers })).json()) as OrderBody;
      expect(order.status).toBe('APPROVED');
      tookMs.push(performance.now() - startedAt);
    }
    tookMs.sort((a, b) => a - b);
    report(
      `${storageName}, Pub/Sub: checkout to decision p50 ${tookMs[50]!.toFixed(0)} ms, ` +
        `p99 ${tookMs[99]!.toFixed(0)} ms`,
    );
    // A checkout that waits also gets its decision.
    const waiting = await postCheckout(url, { user_id: 'cristina', loan_id: 'offer3' });
    expect([waiting.status, ((await waiting.json()) as OrderBody).status]).toEqual([
      201,
      'REJECTED',
    ]);
    await until(() => events.length >= 202);
    for (const event of events) orderEventSchema.parse(JSON.parse(event));
  });

  it('loses nothing and decides nothing twice while both services are killed at random', async () => {
    await expectToSurviveKills(await setUpPubSub(), 'Pub/Sub');
  });

  it('handles duplicate messages in any order', async () => {
    const { url, client } = await setUpPubSub();
    const topics = [CHECKOUTS, DECISIONS];
    const seen = await Promise.all(topics.map((topic) => client.listenTo(topic)));
    const orders = await buy(url, 60);
    await until(() => seen.every((messages) => messages.length >= 60));
    for (const [i, topic] of topics.entries()) {
      const first = [...seen[i]!];
      const again = [...first, ...first].sort(() => Math.random() - 0.5);
      await Promise.all(again.map((body) => client.publish(topic, body)));
    }
    // Repeated requests also lead to decisions.
    await until(() => seen[1]!.length >= 60 + 120 + 120);
    await sleep(500);
    await expectDecidedOnce(url, orders);
  });

  it('publishes the events from before publishing was enabled', async () => {
    const { url, client, start, running } = await setUpPubSub({ EVENT_BUS: 'none' });
    const orders = await buy(url, 10);
    await expectDecidedOnce(url, orders);
    const events = await client.listenTo('loan-buddy-order-events');
    running.offers.kill('SIGTERM');
    await running.offers.exit;
    await start('offers', { EVENT_BUS: 'pubsub' });
    await until(() => events.length >= 20);
    const subjects = events.map((event) => orderEventSchema.parse(JSON.parse(event)).subject);
    expect(new Set(subjects)).toEqual(new Set(orders.map(({ id }) => id)));
  });

  it('sends unhandled messages to the dead letters, and continues', async () => {
    const { url, client } = await setUpPubSub();
    const dead = client.listen('loan-buddy-dead-letters');
    const poison = {
      [CHECKOUTS]: ['not even JSON', '{"specversion":"1.0","type":"what"}'],
      [DECISIONS]: [
        'nonsense',
        JSON.stringify({
          specversion: '1.0',
          type: 'com.loanbuddy.payment.decided',
          data: { order_id: 'order-unknown', status: 'APPROVED' },
        }),
      ],
    };
    for (const [topic, bodies] of Object.entries(poison)) {
      for (const body of bodies) await client.publish(topic, body);
    }
    const orders = await buy(url, 30);
    const ms = await expectDecidedOnce(url, orders);
    await until(() => dead.length >= 4);
    expect(new Set(dead)).toEqual(new Set(Object.values(poison).flat()));
    report(
      `${storageName}, Pub/Sub: 4 poison messages became dead letters, 30 orders decided meanwhile in ${ms.toFixed(0)} ms`,
    );
  });

  it('accepts checkouts while Pub/Sub is down, and decides them when it is back', async () => {
    const { url, emulator } = await setUpPubSub();
    const before = await buy(url, 10);
    emulator.stop();
    const meanwhile: OrderBody[] = [];
    for (let i = 0; i < 20; i++) {
      meanwhile.push(...(await buy(url, 5)));
      await sleep(500);
    }
    // The emulator persists nothing: its topics, subscriptions and messages are gone.
    emulator.start();
    const ms = await expectDecidedOnce(url, [...before, ...meanwhile]);
    report(
      `${storageName}, Pub/Sub down: ${String(meanwhile.length)} checkouts meanwhile, ` +
        `all decided ${(ms / 1000).toFixed(1)} s after its restart`,
    );
  });

  it('names missing topics and subscriptions in a project where Terraform creates them', async () => {
    const emulator = await ownEmulator();
    const work = { name: 'no-work', topic: 'no-topic', deadLetterTopic: 'dead', maxDeliveries: 5 };
    const opening = openMessageBus(
      {
        projectId: PUBSUB_PROJECT_ID,
        emulatorHost: emulator.host,
        createMissing: false,
        plan: { topics: ['no-topic'], subscriptions: [work] },
      },
      recordingLogger().logger,
    );
    await expect(opening).rejects.toThrow(
      'Pub/Sub project test-project has no subscription no-work, no topic dead, no topic no-topic; create them with terraform/',
    );
  });

  it('starts even if Pub/Sub is unreachable', async () => {
    const offers = await startService('offers', {
      PUBSUB_PROJECT_ID,
      PUBSUB_EMULATOR_HOST: `127.0.0.1:${String(await freePort())}`,
      APPROVAL_TRANSPORT: 'pubsub',
      ...(await newStorage()),
    });
    const [order] = await buy(offers.url, 1);
    expect(order?.status).toBe('PENDING');
  });
});

describe('a service that uses Pub/Sub', () => {
  it.each(['offers', 'confirm-payment'] as const)('%s requires the project', async (name) => {
    const { exit, stderr } = await failToStart(name, { APPROVAL_TRANSPORT: 'pubsub' });
    expect(exit).toBe(1);
    expect(stderr).toMatch(/PUBSUB_PROJECT_ID: must be set for APPROVAL_TRANSPORT=pubsub/);
  });
});
