import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench';
import { atRate, createRawClient, inLanes, quantile, type RawClient } from '../load';
import { printTable } from '../report';
import { checkoutRequest, databases, startPair } from './checkout';

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
interface Figures {
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

/** Checkouts at five times the rate that 20 connections reach. */
export async function overloadTable(bench: Bench): Promise<void> {
  const rows: string[][] = [];
  for (const { on, server } of databases(bench)) {
    for (const build of bench.builds) {
      const storage = await bench.newStorage(build, server);
      const { offers } = await startPair(bench, build, [storage]);
      await bench.settle();
      const client = createRawClient(offers[0]!.port, checkoutRequest);
      rows.push([build.label(on), ...cellsOf(await overload(client))]);
      client.close();
    }
  }
  const titles = ['capacity', 'offered', 'accepted, p99', 'shed, p50, p99', 'back to normal after'];
  printTable(['orders on', ...titles], rows);
}

function cellsOf(figures: Figures): string[] {
  const perSecond = (value: number) => `${value.toFixed(0)}/s`;
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  return [
    perSecond(figures.capacityPerSecond),
    perSecond(figures.offeredPerSecond),
    `${perSecond(figures.acceptedPerSecond)}, ${ms(figures.acceptedP99Ms)}`,
    `${perSecond(figures.shedPerSecond)}, ${ms(figures.shedP50Ms)}, ${ms(figures.shedP99Ms)}`,
    ms(figures.recoveredMs),
  ];
}

async function overload({ send }: RawClient): Promise<Figures> {
  let sent = 0;
  await inLanes(LANES, () => sent++ < WARM_UP_REQUESTS, send);
  let done = 0;
  const end = performance.now() + CAPACITY_S * 1000;
  await inLanes(
    LANES,
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
