import { StartError } from '@loan-buddy/kit/process';
import type { OrderStore } from '../orders/order-store';

export class NoSuchFailedOrderError extends StartError {
  readonly code = 'no-such-failed-order';
}

const PAGE = 100;

export async function listFailed(
  orders: Pick<OrderStore, 'listFailed'>,
  print: (line: string) => void,
): Promise<void> {
  let count = 0;
  let page;
  do {
    const before: string | undefined = page?.at(-1)?.id;
    page = await orders.listFailed({ before, limit: PAGE });
    for (const { id, createdAt, userId, offer, attempts, lastError } of page) {
      const request = `${userId} ${offer.id} ${String(offer.amount)}`;
      const reason = `after ${String(attempts)} attempts: ${lastError ?? '?'}`;
      print(`${id}  ${createdAt.toISOString()}  ${request}  ${reason}`);
    }
    count += page.length;
  } while (page.length === PAGE);
  print(`${String(count)} failed`);
}

/** @param id an order's, or `--all` */
export async function retryFailed(
  orders: Pick<OrderStore, 'retry' | 'retryAll'>,
  id: string,
  print: (line: string) => void,
): Promise<void> {
  if (id === '--all') {
    print(`${String(await orders.retryAll())} pending again`);
    return;
  }
  const retried = await orders.retry(id);
  if (!retried) throw new NoSuchFailedOrderError(`no failed order has the id ${id}`);
  print(`${id} is pending again`);
}
