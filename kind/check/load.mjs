// Sends load from a pod in the cluster, and counts its orders.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { apply, expect, kubectl, pause, scriptPod } from './cluster.mjs';

/** Returns the number of a user's orders in the database. */
async function ordersOf(user) {
  const sql = `select count(*) from orders where user_id = '${user}'`;
  const psql = 'PGPASSWORD=$POSTGRES_PASSWORD psql -h 127.0.0.1 -U loan_buddy -Atc "$0"';
  return Number(await kubectl('exec', 'loan-buddy-postgres-0', '--', 'sh', '-c', psql, sql));
}

/**
 * Sends requests while `action` runs, by a user of their own. Throws unless every acknowledged order was decided and is
 * in the database once. Returns the number of failed requests, and the figures as text.
 */
export async function underLoad(action, token) {
  const user = token?.subject ?? `load-${Date.now()}`;
  const before = await ordersOf(user);
  const script = readFileSync(join(import.meta.dirname, 'load-script.js'), 'utf8');
  await kubectl('delete', 'pod', 'load', '--ignore-not-found');
  await apply(
    await scriptPod({
      name: 'load',
      script,
      env: {
        OFFERS_URL: 'http://loan-buddy-offers:8080',
        USER_ID: user,
        RUN: String(Date.now()),
        ...(token && { TOKEN: token.jwt }),
      },
    }),
  );
  await kubectl('wait', '--for=condition=Ready', 'pod/load', '--timeout=60s');
  const start = Date.now();
  await pause(3000);
  await action();
  await pause(3000);
  const seconds = ((Date.now() - start) / 1000).toFixed(0);
  await kubectl('exec', 'load', '--', 'node', '-e', 'process.kill(1, "SIGTERM")');
  await kubectl('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/load', '--timeout=180s');
  const figures = JSON.parse(await kubectl('logs', 'load'));
  await kubectl('delete', 'pod', 'load');
  const stored = (await ordersOf(user)) - before;
  const { sent, failed, errors, checkouts, acknowledged, decided } = figures;
  const text =
    `${sent} requests in ${seconds} s, ${failed} failed` +
    (failed > 0 ? ` ${JSON.stringify(errors)}` : '') +
    `; ${acknowledged} orders acknowledged, ${decided} decided, ${stored} stored`;
  expect(acknowledged > 20, `too little load: ${text}`);
  expect(decided === acknowledged, `orders without a decision: ${text}`);
  expect(stored === checkouts && stored === acknowledged, `orders lost or doubled: ${text}`);
  return { failed, text };
}

/** Like {@link underLoad}, but also throws if a request fails. Returns the figures as text. */
export async function withoutFailure(action, token) {
  const { failed, text } = await underLoad(action, token);
  expect(failed === 0, text);
  return text;
}
