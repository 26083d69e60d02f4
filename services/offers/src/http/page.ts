import { z } from 'zod';
import type { Page } from '../orders/order-store';
import { integerParameter } from './number-parameter';

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** Query parameters of a listing; a page starts at an item's id. */
export const pageParameters = (idSchema: z.ZodType<string>) => ({
  limit: integerParameter({ digits: 3, min: 1, max: MAX_LIMIT })
    .default(DEFAULT_LIMIT)
    .meta({ description: `Items per page, 1 to ${String(MAX_LIMIT)}.` }),
  cursor: idSchema.optional().meta({
    description: 'Where the page starts; from the `next` link of the previous page.',
  }),
});

export function pageResponse(description: string, item: z.ZodType) {
  const headers = { Link: 'The next page, if there is one (RFC 8288).' };
  return { 200: { description, schema: z.array(item), headers } };
}

/**
 * Reads one page, newest first, and its headers: `Link` with `rel="next"` if there are more pages (RFC 8288). A page
 * boundary is an item's id, so new items shift nothing.
 */
export async function readPage<Item extends { id: string }>(
  path: string,
  { limit, cursor, ...query }: { limit: number; cursor?: string | undefined; user_id?: string },
  list: (page: Page) => Promise<Item[]>,
) {
  const found = await list({ before: cursor, limit: limit + 1 });
  const items = found.slice(0, limit);
  const last = items[limit - 1];
  if (found.length === items.length || !last) return { items, headers: [] };
  const next = new URLSearchParams({ ...query, limit: String(limit), cursor: last.id });
  return { items, headers: ['Link', `<${path}?${next.toString()}>; rel="next"`] };
}
