import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { PubSub, type Message } from '@google-cloud/pubsub';
import { describeUnless } from '@loan-buddy/kit/testing';
import { freePort } from './free-port';
import { atEnd } from './at-end';
import { root } from './service-process';

const run = (...args: string[]) =>
  execFileSync(join(root, '.ci', 'pubsub'), args, { encoding: 'utf8' }).trim();

/** `describe` for tests that need Google's emulator, which must be installed if TEST_PUBSUB is set. */
export const describeWithPubSub = describeUnless(
  process.env['TEST_PUBSUB'] ? undefined : 'no Pub/Sub emulator (TEST_PUBSUB)',
);

/** Starts a separate emulator that the test can stop and start. */
export async function ownEmulator() {
  const port = String(await freePort());
  let pid: string | undefined = run('start', port);
  const emulator = {
    host: `127.0.0.1:${port}`,
    start: () => (pid ??= run('start', port)),
    stop: () => {
      if (pid !== undefined) run('stop', pid);
      pid = undefined;
    },
  };
  atEnd(emulator.stop);
  return emulator;
}

const credentials = { client_email: 'emulator', private_key: 'none' };

/** Another client of the same topics. */
export function ownClient(host: string, projectId: string) {
  const client = new PubSub({ projectId, apiEndpoint: host, emulatorMode: true, credentials });
  atEnd(() => client.close());
  return {
    publish: async (topic: string, body: string, orderingKey = '') => {
      await client
        .topic(topic, { messageOrdering: orderingKey !== '' })
        .publishMessage({ data: Buffer.from(body), orderingKey });
    },
    /** Collects the messages published to a topic from now on. */
    listenTo: async (topic: string) => {
      await client.topic(topic).get({ autoCreate: true });
      const [subscription] = await client.createSubscription(topic, `test-${randomUUID()}`);
      return collect(subscription);
    },
    /** Collects the messages of a subscription. */
    listen: (subscription: string) => collect(client.subscription(subscription)),
  };
}

interface Source {
  on: (event: 'message', listener: (message: Message) => void) => unknown;
  close: () => Promise<void>;
}

function collect(subscription: Source): string[] {
  const bodies: string[] = [];
  subscription.on('message', (message) => {
    bodies.push(message.data.toString());
    message.ack();
  });
  atEnd(() => subscription.close());
  return bodies;
}
