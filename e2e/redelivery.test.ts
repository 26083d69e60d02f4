/** How soon orders over Google's Pub/Sub emulator are decided after a service was killed, or hung, and is back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@loan-buddy/kit/testing';
import { inParallel, report, type OrderBody } from './support/client';
import { storageName } from './support/postgres';
import { describeWithPubSub } from './support/pubsub';
import { buy, defaults, setUpPubSub } from './support/service-pair';

/** A start takes less on a machine with a core to spare. */
const USUAL_START_MS = 3000;

/** Whether an order is decided within 20 s; false if offers goes away meanwhile. */
async function waitForDecision(url: string, id: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/orders/${id}`, { headers: { Prefer: 'wait=20' } });
    return ((await response.json()) as OrderBody).status in { APPROVED: 1, REJECTED: 1 };
  } catch {
    return false;
  }
}

describeWithPubSub(`over Pub/Sub, on ${storageName}`, () => {
  it.each([
    ['confirm-payment', 'is killed', 'SIGKILL'],
    ['offers', 'is killed', 'SIGKILL'],
    ['confirm-payment', 'hangs', 'SIGSTOP'],
  ] as const)(
    'decides within 15 s of the last restart, by default, if %s %s',
    async (name, what, signal) => {
      const { url, start, running, client } = await setUpPubSub(defaults);
      const dead = client.listen('loan-buddy-dead-letters');
      const startedAt = performance.now();
      const tookMs: number[] = [];
      let lastAt = Infinity;
      const checkouts = inParallel(200, 200, async (i) => {
        await sleep(i * 25);
        const [order] = await buy(url, 1);
        const sentAt = performance.now();
        await until(() => waitForDecision(url, order!.id));
        tookMs.push(performance.now() - sentAt);
        lastAt = performance.now();
      });
      let restartedAt = Infinity;
      let startMs = 0;
      for (const at of [1000, 2500, 4000]) {
        await sleep(startedAt + at - performance.now());
        running[name].kill(signal);
        await sleep(400);
        restartedAt = performance.now();
        running[name] = await start(name, signal === 'SIGSTOP' ? { PORT: '0' } : {});
        startMs = Math.max(startMs, performance.now() - restartedAt);
      }
      await checkouts;
      tookMs.sort((a, b) => a - b);
      const [p50, p75, last] = [tookMs[100]!, tookMs[150]!, tookMs[199]!].map((ms) =>
        (ms / 1000).toFixed(1),
      );
      report(
        `${storageName}, Pub/Sub, ${name} ${what} 3 times: checkout to decision p50 ${p50!} s, p75 ${p75!} s, ` +
          `at most ${last!} s; the last ${((lastAt - restartedAt) / 1000).toFixed(1)} s after the last restart`,
      );
      // On a machine so busy that a start takes longer than usual, the rest does, too.
      const slowness = Math.max(1, startMs / USUAL_START_MS);
      expect(lastAt - restartedAt).toBeLessThan(15_000 * slowness);
      expect(dead).toEqual([]);
    },
  );
});
