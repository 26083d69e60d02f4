import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@loan-buddy/kit/testing';

export interface OrderBody {
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

/** Repeats a read while the service sheds load, as it may on a busy machine. */
async function get(url: string): Promise<Response> {
  let response: Response;
  await until(async () => {
    response = await fetch(url);
    return response.status !== 503;
  });
  return response!;
}

export async function readOrder(url: string, id: string): Promise<OrderBody | undefined> {
  const response = await get(`${url}/orders/${id}`);
  if (response.status === 404) return undefined;
  if (response.status !== 200) throw new Error(`${id}: ${String(response.status)}`);
  return (await response.json()) as OrderBody;
}

/** Reads all orders of a user, page by page. */
export async function ordersOf(url: string, userId: string): Promise<OrderBody[]> {
  const all: OrderBody[] = [];
  let path: string | undefined = `/orders?user_id=${encodeURIComponent(userId)}&limit=100`;
  while (path !== undefined) {
    const response = await get(url + path);
    if (response.status !== 200) throw new Error(`${path}: ${await response.text()}`);
    all.push(...((await response.json()) as OrderBody[]));
    path = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  }
  return all;
}

/** Waits until the orders are final. Returns them, and the time it took in milliseconds. */
export async function untilFinal(
  url: string,
  ids: readonly string[],
): Promise<{ orders: OrderBody[]; ms: number }> {
  const startedAt = performance.now();
  const orders: OrderBody[] = [];
  for (const id of ids) {
    let order: OrderBody | undefined;
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
export async function sendUntilCreated(count: number, send: () => Promise<Response>) {
  const created: string[] = [];
  const before = { inFlight: 0, shed: 0 };
  const client = async () => {
    for (;;) {
      const response = await send();
      const body = await response.text();
      if (response.status === 201) {
        created.push(body);
        return;
      }
      if (response.status === 409) before.inFlight += 1;
      else if (response.status === 503) before.shed += 1;
      else throw new Error(`${String(response.status)}: ${body}`);
      await sleep(20);
    }
  };
  await Promise.all(Array.from({ length: count }, client));
  return { created, ...before };
}

/** Runs `work` for each number below `count`, `width` at a time. */
export function inParallel(
  count: number,
  width: number,
  work: (i: number) => Promise<void>,
): Promise<void> {
  return inLanes(width, (i) => i < count, work);
}

/** Runs `work` for increasing numbers, `width` at a time, while `hasMore` returns true. */
export async function inLanes(
  width: number,
  hasMore: (i: number) => boolean,
  work: (i: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (hasMore(next)) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** Prints figures in the output of the run. */
export function report(text: string): void {
  process.stdout.write(`  ${text}\n`);
}
