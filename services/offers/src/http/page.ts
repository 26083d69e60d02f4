import { z } from 'zod';
import type { Page } from '../orders/order-store';
import { integerParameter } from './number-parameter';
import { orderIdSchema } from './order-body';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** Query parameters of every order listing; other listings have their own cursor. */
export const pageParameters = {
  limit: integerParameter({ digits: 3, min: 1, max: MAX_LIMIT })
    .default(DEFAULT_LIMIT)
    .meta({ description: `Items per page, 1 to ${String(MAX_LIMIT)}.` }),
  cursor: orderIdSchema.optional().meta({
    description: 'Where the page starts; from the `next` link of the previous page.',
  }),
};

export function pageResponse(description: string, item: z.ZodType) {
  const headers = { Link: 'The next page, if there is one (RFC 8288).' };
  return { 200: { description, schema: z.array(item), headers } };
}

/**
 * Reads one page, newest first. A page boundary is an item's id, so new items shift nothing.
 *
 * @param path path and query, up to the page's own parameters
 * @returns the page and its headers: `Link` with `rel="next"` if there are more pages (RFC 8288)
 */
export async function readPage<Item extends { id: string }>(
  path: string,
  query: Readonly<Record<string, string>>,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
  list: (page: Page) => Promise<Item[]>,
): Promise<{ items: Item[]; headers: string[] }> {
  const found = await list({ before: cursor, limit: limit + 1 });
  const items = found.slice(0, limit);
  if (found.length <= limit) return { items, headers: [] };
  const next = new URLSearchParams({
    ...query,
    limit: String(limit),
    cursor: items[limit - 1]!.id,
  });
  return { items, headers: ['Link', `<${path}?${next.toString()}>; rel="next"`] };
}
