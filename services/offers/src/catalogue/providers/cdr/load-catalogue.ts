import { z } from 'zod';
import { ProviderError } from '../../failure-reason';
import { NotFoundError, type Holder, type HolderResponse } from './holder';
import { countDropped, dropReasonOf, type Dropped, type DropReason } from './map-product';
import { listedProductSchema, productSchema, type Product } from './product';

/** The readable personal loans of a bank, and how many listed products could not be read this time. */
export interface Catalogue {
  products: readonly Product[];
  unread: number;
  dropped: Readonly<Dropped>;
  /** When the oldest part was read, on the clock of `performance.now()`. */
  asOf: number;
}

/** How long to keep a product that cannot be read again, as a multiple of `ttlMs`. */
const FALLBACK_TTLS = 2;

const PAGE_SIZE = 1000;
const MAX_PAGES = 100;
const MAX_PRODUCTS = 1000;
/** Concurrent calls to one bank. */
const CONCURRENCY = 4;
/** Maximum size of all bodies of a catalogue, and the minimum that each counts for. */
const MAX_BYTES = 16 * 1024 * 1024;
const MIN_BYTES = 200;

const pageSchema = z.object({
  data: z.object({ products: z.array(z.unknown(), 'must be a list') }),
  links: z
    .object({ next: z.string().min(1) })
    .optional()
    .catch(undefined),
});

const detailSchema = z.object({ data: productSchema });

type Found = { product: Product } | { dropped: DropReason };
interface KnownProduct {
  found: Found;
  url: URL;
  bytes: number;
  readAt: number;
  digest: string | undefined;
}

/**
 * Creates a function that reads all personal loans of a bank: its list, page by page, then each product's own page.
 * When the signal aborts, it returns what it has read so far. It skips products read less than `ttlMs` ago, so each
 * call continues where the last one ended; older ones are used if they cannot be read again. A page with unchanged text
 * is not parsed again.
 *
 * @param apiUrl up to, but excluding, `/banking`
 */
export function createLoadCatalogue(
  holder: Holder,
  apiUrl: string,
  ttlMs: number,
): (signal: AbortSignal) => Promise<Catalogue> {
  const query = `product-category=PERS_LOANS&effective=CURRENT&page=1&page-size=${String(PAGE_SIZE)}`;
  const listUrl = new URL(`${apiUrl}/banking/products?${query}`);
  const known = new Map<string, KnownProduct>();
  let knownBytes = 0;
  let firstPage: ReturnType<typeof parsePage> | undefined;

  return async (signal) => {
    // Everything read now gets the same time, so that all of it is due again together.
    const startedAt = performance.now();
    const list = await readList(signal);
    // Products missing from an incomplete list may still exist.
    const unlisted = list.isComplete ? [] : [...known.keys()].filter((id) => usable(id, startedAt));
    const all = [...new Set([...list.ids, ...unlisted])];
    const ids = all.slice(0, MAX_PRODUCTS);
    keepOnly(new Set(ids));

    let unread = (list.isComplete ? 0 : 1) + all.length - ids.length;
    let failure: Error | undefined;
    const queue = ids.values();
    const readNext = async (): Promise<void> => {
      // The concurrent readers share one iterator, so that no two take the same id.
      for (const id of queue) {
        try {
          await readProduct(id, startedAt, signal);
        } catch (error) {
          unread += 1;
          failure ??= error as Error;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, ids.length) }, readNext));
    const read = ids.flatMap((id) => usable(id, startedAt) ?? []);
    if (failure !== undefined && read.length === 0) throw failure;

    const { dropped } = list;
    const products = read.flatMap(({ found }) => {
      if ('product' in found) return found.product;
      countDropped(dropped, found.dropped);
      return [];
    });
    const asOf = Math.min(startedAt, ...read.map(({ readAt }) => readAt));
    return { products, unread, dropped, asOf };
  };

  /** Returns the ids of all products that may make offers. Throws only if the first page fails. */
  async function readList(signal: AbortSignal) {
    const seen = new Set<string>();
    const ids: string[] = [];
    const dropped: Dropped = {};
    const now = new Date();
    const visited = new Set<string>();
    let url = listUrl;
    for (let page = 1; page <= MAX_PAGES; page++) {
      let read;
      try {
        const response = await holder.get('list', url, signal);
        read = response.digest === firstPage?.digest ? firstPage : parsePage(response);
      } catch (error) {
        if (page === 1) throw error;
        break;
      }
      // Remembers only this page: most banks have no other.
      if (page === 1) firstPage = read;
      const before = seen.size;
      for (const listed of read.items) {
        if (listed && seen.has(listed.productId)) continue;
        if (listed) seen.add(listed.productId);
        const reason = listed ? dropReasonOf(listed, now) : 'unreadable';
        if (reason) countDropped(dropped, reason);
        else ids.push(listed!.productId);
      }
      visited.add(url.href);
      const { next, items } = read;
      // No link, an invalid one, or one to a page already read ends the list.
      if (next !== undefined && URL.canParse(next, url.href)) url = new URL(next, url);
      if (visited.has(url.href) || items.length === 0) return { ids, dropped, isComplete: true };
      // A page without new products that links to another: the list may be endless.
      if (seen.size === before) break;
    }
    return { ids, dropped, isComplete: false };
  }

  async function readProduct(id: string, startedAt: number, signal: AbortSignal): Promise<void> {
    const last = known.get(id);
    if (last && startedAt - last.readAt < ttlMs) return;
    signal.throwIfAborted();
    const url = last?.url ?? new URL(`${apiUrl}/banking/products/${encodeURIComponent(id)}`);
    let bytes = MIN_BYTES;
    let digest: string | undefined;
    let found: Found;
    try {
      const response = await holder.get('detail', url, signal);
      ({ digest } = response);
      bytes += response.bytes;
      const isSame = last?.digest === digest;
      found = isSame ? last.found : parseProduct(response.parse(), id);
      if ('dropped' in found) throw new ProviderError('invalid', 'the response is not a product');
    } catch (error) {
      // Treat a 404 for a recently read product as temporary: if it is gone, the list will show it.
      if (usable(id, startedAt) || !(error instanceof NotFoundError)) throw error;
      found = { dropped: 'not-found' };
    }
    const total = knownBytes + bytes - (last?.bytes ?? 0);
    if (total > MAX_BYTES) {
      throw new ProviderError('too-large', `over ${String(MAX_BYTES)} bytes of products`);
    }
    knownBytes = total;
    known.set(id, { found, url, bytes, digest, readAt: startedAt });
  }

  /** Returns what is known of a product, unless it is too old to use. */
  function usable(id: string, now: number): KnownProduct | undefined {
    const last = known.get(id);
    const isUsable = last && (last.readAt === now || now - last.readAt < FALLBACK_TTLS * ttlMs);
    return isUsable ? last : undefined;
  }

  function keepOnly(kept: ReadonlySet<string>): void {
    for (const [id, { bytes }] of known) {
      if (kept.has(id)) continue;
      known.delete(id);
      knownBytes -= bytes;
    }
  }
}

/** Parses a list page; items that cannot be read are undefined. */
function parsePage({ digest, parse }: HolderResponse) {
  const page = pageSchema.safeParse(parse());
  if (!page.success) {
    throw new ProviderError('invalid', `not a list of products: ${z.prettifyError(page.error)}`);
  }
  const { data, links } = page.data;
  const items = data.products.map((item) => listedProductSchema.safeParse(item).data);
  return { digest, items, next: links?.next };
}

/** Parses a detail page as the product with this id. */
export function parseProduct(body: unknown, id: string): Found {
  const { data } = detailSchema.safeParse(body);
  return data ? { product: { ...data.data, productId: id } } : { dropped: 'unreadable' };
}
