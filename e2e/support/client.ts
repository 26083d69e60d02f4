import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@loan-buddy/kit/testing';

export interface OrderAnswer {
  id: string;
  user_id: string;
  loan_id: string;
  status: string;
}

/** The decision of confirm-payment for each offer of the mocks. */
export const rule: Partial<Record<string, string>> = {
  offer1: 'APPROVED',
  offer2: 'APPROVED',
  offer3: 'REJECTED',
};

export function postCheckout(
  url: string,
  body: { user_id: string; loan_id: string },
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${url}/checkout`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

export async function readOrder(url: string, id: string): Promise<OrderAnswer | undefined> {
  const response = await fetch(`${url}/orders/${id}`);
  if (response.status === 404) return undefined;
  if (response.status !== 200) throw new Error(`${id}: ${String(response.status)}`);
  return (await response.json()) as OrderAnswer;
}

/** Reads all orders of a user, page by page. */
export async function ordersOf(url: string, userId: string): Promise<OrderAnswer[]> {
  const all: OrderAnswer[] = [];
  let path: string | undefined = `/orders?user_id=${encodeURIComponent(userId)}&limit=100`;
  while (path !== undefined) {
    const response: Response = await fetch(url + path);
    if (response.status !== 200) throw new Error(`${path}: ${await response.text()}`);
    all.push(...((await response.json()) as OrderAnswer[]));
    path = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  }
  return all;
}

/** Waits until the orders are final. Returns them, and the time it took in milliseconds. */
export async function untilFinal(
  url: string,
  ids: readonly string[],
): Promise<{ orders: OrderAnswer[]; ms: number }> {
  const startedAt = performance.now();
  const orders: OrderAnswer[] = [];
  for (const id of ids) {
    let order: OrderAnswer | undefined;
    await until(async () => {
      order = await readOrder(url, id);
      if (!order) throw new Error(`${id} is lost`);
      return order.status !== 'PENDING';
    });
    orders.push(order!);
  }
  return { orders, ms: performance.now() - startedAt };
}

/**
 * Lets `count` clients send the same checkout at once and retry until each gets a 201. Returns the bodies of the 201s,
 * and the number of 409s (in flight) and 503s (shed) before them.
 */
export async function sendUntilMade(count: number, send: () => Promise<Response>) {
  const made: string[] = [];
  const before = { early: 0, shed: 0 };
  const client = async () => {
    for (;;) {
      const response = await send();
      const body = await response.text();
      if (response.status === 201) {
        made.push(body);
        return;
      }
      if (response.status === 409) before.early += 1;
      else if (response.status === 503) before.shed += 1;
      else throw new Error(`${String(response.status)}: ${body}`);
      await sleep(20);
    }
  };
  await Promise.all(Array.from({ length: count }, client));
  return { made, ...before };
}

/** Runs `work` for each number below `count`, `width` at a time. */
export function inParallel(
  count: number,
  width: number,
  work: (i: number) => Promise<void>,
): Promise<void> {
  return inLanes(width, (i) => i < count, work);
}

/** Runs `work` for increasing numbers, `width` at a time, while `goOn` returns true. */
export async function inLanes(
  width: number,
  goOn: (i: number) => boolean,
  work: (i: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (goOn(next)) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** Prints figures in the output of the run. */
export function report(text: string): void {
  process.stdout.write(`  ${text}\n`);
}
