import { setTimeout as sleep } from 'node:timers/promises';
import { atRate, createRawClient, quantile, type RawClient } from './open-loop';

const OPEN_CONNECTIONS = 1000;
/** Connections for the warm-up and the capacity measurement. */
const LANES = 20;
/** Overload as a multiple of the capacity. */
const FACTOR = 5;
const WARM_UP_REQUESTS = 1000;
const CAPACITY_S = 3;
const OVERLOAD_S = 5;
/** The service has recovered once a checkout takes less than this. */
const USUAL_MS = 100;

/** How a service handles five times as many checkouts as its capacity. */
export interface OverloadFigures {
  name: string;
  capacityPerSecond: number;
  offeredPerSecond: number;
  acceptedPerSecond: number;
  acceptedP99Ms: number;
  shedPerSecond: number;
  shedP50Ms: number;
  shedP99Ms: number;
  /** From the last request until a checkout takes less than {@link USUAL_MS}. */
  recoveredMs: number;
}

/** Sends checkouts to a port at five times the rate that 20 connections reach. */
export async function measureOverload(
  name: string,
  port: number,
  body: string,
): Promise<OverloadFigures> {
  const client = createRawClient(
    port,
    'POST /checkout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n' +
      `Content-Length: ${String(body.length)}\r\n\r\n${body}`,
  );
  try {
    return { name, ...(await overload(client)) };
  } finally {
    client.close();
  }
}

async function overload({ send }: RawClient): Promise<Omit<OverloadFigures, 'name'>> {
  let sent = 0;
  await lanes(() => sent++ < WARM_UP_REQUESTS, send);
  let done = 0;
  const end = performance.now() + CAPACITY_S * 1000;
  await lanes(
    () => performance.now() < end,
    async () => {
      await send();
      done += 1;
    },
  );
  const capacity = done / CAPACITY_S;

  // Open connections first, as a load balancer keeps them.
  await Promise.all(Array.from({ length: OPEN_CONNECTIONS }, () => send()));
  await sleep(1000);
  const rate = FACTOR * capacity;
  const sending = await atRate(rate, Math.round(rate * OVERLOAD_S), send);
  const overAt = performance.now();
  for (let isUsual = false; !isUsual;) {
    const { outcome, ms } = await send();
    isUsual = outcome === 201 && ms < USUAL_MS;
  }
  const recoveredMs = performance.now() - overAt;
  const all = await Promise.all(sending);
  const accepted = all.filter(({ outcome }) => outcome === 201 || outcome === 202);
  const shed = all.filter(({ outcome }) => outcome === 503);
  if (accepted.length + shed.length < all.length) throw new Error('a checkout had no response');
  return {
    capacityPerSecond: capacity,
    offeredPerSecond: all.length / OVERLOAD_S,
    acceptedPerSecond: accepted.length / OVERLOAD_S,
    acceptedP99Ms: quantile(accepted, 0.99),
    shedPerSecond: shed.length / OVERLOAD_S,
    shedP50Ms: quantile(shed, 0.5),
    shedP99Ms: quantile(shed, 0.99),
    recoveredMs,
  };
}

/** Runs `work` in {@link LANES} lanes in parallel, while `hasMore` returns true. */
async function lanes(hasMore: () => boolean, work: () => Promise<unknown>): Promise<void> {
  const lane = async () => {
    while (hasMore()) await work();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}
