import { setTimeout as sleep } from 'node:timers/promises';
import { inParallel, postCheckout, type OrderBody } from './client';
import { freePort } from './free-port';
import { newStorage } from './postgres';
import { ownClient, ownEmulator } from './pubsub';
import { startService } from './service-process';

export const PUBSUB_PROJECT_ID = 'test-project';
export const respondAsync = { Prefer: 'respond-async' };

/** Fast retries, and short leases: a process soon takes over the work of one that died. */
const quick = {
  RETRY_BASE_MS: '50',
  RETRY_CAP_MS: '3000',
  RETRY_ATTEMPTS: '1000',
  CONFIRM_PAYMENT_TIMEOUT_MS: '2000',
  DATABASE_TIMEOUT_MS: '2000',
};

/** Both services' own settings. */
export const defaults = {
  ...Object.fromEntries(Object.keys(quick).map((name) => [name, undefined])),
  PUBSUB_MAX_DELIVERIES: undefined,
  DECISION_TIMEOUT_MS: undefined,
};

/** Starts both services over Pub/Sub, on their own emulator. */
export async function setUpPubSub(env: NodeJS.ProcessEnv = {}) {
  const emulator = await ownEmulator();
  const pair = await setUp({
    PUBSUB_PROJECT_ID,
    PUBSUB_EMULATOR_HOST: emulator.host,
    PUBSUB_MAX_DELIVERIES: '5',
    APPROVAL_TRANSPORT: 'pubsub',
    EVENT_BUS: 'pubsub',
    DECISION_TIMEOUT_MS: '3000',
    ...env,
  });
  return { ...pair, emulator, client: ownClient(emulator.host, PUBSUB_PROJECT_ID) };
}

/** Starts both services. The test can kill them and restart them on the same ports. */
export async function setUp(env: NodeJS.ProcessEnv = {}) {
  const ports = {
    offers: String(await freePort()),
    'confirm-payment': String(await freePort()),
  };
  const environments = {
    offers: {
      ...quick,
      ...env,
      ...(await newStorage()),
      PORT: ports.offers,
      CONFIRM_PAYMENT_URL: `http://127.0.0.1:${ports['confirm-payment']}`,
    },
    'confirm-payment': { ...env, PORT: ports['confirm-payment'] },
  };
  const start = (name: keyof typeof ports, more: NodeJS.ProcessEnv = {}) =>
    startService(name, { ...environments[name], ...more });
  const running = {
    'confirm-payment': await start('confirm-payment'),
    offers: await start('offers'),
  };
  return { start, running, url: running.offers.url };
}

/** Repeats each checkout until it is acknowledged. Adds its order to `acknowledged` at once, and returns them all. */
export async function buy(
  url: string,
  count: number,
  acknowledged: OrderBody[] = [],
): Promise<OrderBody[]> {
  await inParallel(count, 10, async (i) => {
    const body = { user_id: `user-${String(i)}`, loan_id: `offer${String(1 + (i % 3))}` };
    for (;;) {
      const response = await postCheckout(url, body, respondAsync).catch(() => undefined);
      const order = (await response?.json().catch(() => undefined)) as OrderBody | undefined;
      if (response?.status === 202 && order) {
        acknowledged.push(order);
        return;
      }
      await sleep(50);
    }
  });
  return acknowledged;
}
