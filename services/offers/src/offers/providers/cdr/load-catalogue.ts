import { z } from 'zod';
import { ProviderError } from '../../failure-reason';
import { NotFoundError, type Holder, type HolderResponse } from './holder';
import { countDropped, refuseListed, type Dropped, type DropReason } from './map-product';
import { listedProductSchema, productSchema, type ListedProduct, type Product } from './product';

/** A bank's personal loans, as far as they could be read. */
export interface Catalogue {
  products: readonly Product[];
  /** Products that are listed, and of which nothing more is known this time. */
  unread: number;
  /** Those that were left out. */
  dropped: Readonly<Dropped>;
  /** When the oldest of it was read, on the clock of `performance.now()`. */
  asOf: number;
}

/** For so many times as long as it is fresh, what was read of a product stands in for what cannot be. */
const STAND_IN_TTLS = 2;

const PAGE_SIZE = 1000;
const MAX_PAGES = 100;
const MAX_PRODUCTS = 1000;
/** How many calls one bank gets at once. */
const AT_ONCE = 4;
/** All bodies of one catalogue together, and what each counts for at least. */
const MAX_BYTES = 16 * 1024 * 1024;
const MIN_BYTES = 200;

const pageSchema = z.object({
  data: z.object({
    products: z.array(z.unknown(), 'must be a list'),
  }),
  links: z
    .object({ next: z.string().min(1).optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

const detailSchema = z.object({ data: productSchema });

type KnownProduct = { url: URL; bytes: number; readAt: number; digest: string | undefined } & (
  { product: Product } | { dropped: DropReason }
);

/** A page of a list as it was read last. */
interface KnownPage {
  digest: string;
  /** Undefined: unreadable. */
  items: readonly (ListedProduct | undefined)[];
  next: string | undefined;
}

/**
 * Creates a function that reads all personal loans of a bank: its list, page by page, then each product's own page. At
 * the signal it comes back with what has been read by then. Products read less than `ttlMs` ago are not read again, so
 * that one call goes on where the last one ended; older ones stand in where they cannot be read anew. A page whose text is
 * what it was before is not taken apart again.
 */
export function createLoadCatalogue(options: {
  holder: Holder;
  /** With its path up to `/banking`. */
  apiUrl: string;
  ttlMs: number;
}): (signal: AbortSignal) => Promise<Catalogue> {
  const { holder, apiUrl, ttlMs } = options;
  const query = `product-category=PERS_LOANS&effective=CURRENT&page=1&page-size=${String(PAGE_SIZE)}`;
  const firstPage = new URL(`${apiUrl}/banking/products?${query}`);
  const known = new Map<string, KnownProduct>();
  let knownBytes = 0;
  let knownPage: KnownPage | undefined;

  return async (signal) => {
    // One moment for all that is read now: so all of it is due again at once.
    const startedAt = performance.now();
    const list = await readList(signal);
    const { dropped } = list;
    // What an incomplete list does not name may still be there.
    const rest = list.isComplete ? [] : [...known.keys()].filter((id) => usable(id, startedAt));
    const all = [...new Set([...list.wanted, ...rest])];
    const wanted = all.slice(0, MAX_PRODUCTS);
    forgetAllBut(new Set(wanted));

    let unread = (list.isComplete ? 0 : 1) + all.length - wanted.length;
    let failure: Error | undefined;
    const ids = wanted.values();
    const readNext = async (): Promise<void> => {
      // One iterator for all: each id is taken by whoever is free.
      for (const id of ids) {
        try {
          await readProduct(id, startedAt, signal);
        } catch (error) {
          unread += 1;
          failure ??= error instanceof Error ? error : new Error(String(error));
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, wanted.length) }, readNext));
    const found = wanted.flatMap((id) => usable(id, startedAt) ?? []);
    if (failure !== undefined && found.length === 0) throw failure;

    const products: Product[] = [];
    let asOf = startedAt;
    for (const each of found) {
      asOf = Math.min(asOf, each.readAt);
      if ('product' in each) products.push(each.product);
      else countDropped(dropped, each.dropped);
    }
    return { products, unread, dropped, asOf };
  };

  /** The ids of all products that may make offers. Only the first page must be there. */
  async function readList(signal: AbortSignal) {
    const seen = new Set<string>();
    const wanted: string[] = [];
    const dropped: Dropped = {};
    const now = new Date();
    const visited = new Set<string>();
    let url = firstPage;
    for (let page = 1; ; page++) {
      if (page > MAX_PAGES) return { wanted, dropped, isComplete: false };
      let read;
      try {
        read = readPage(await holder.get('list', url, signal), page);
      } catch (error) {
        if (page === 1) throw error;
        return { wanted, dropped, isComplete: false };
      }
      const before = seen.size;
      for (const listed of read.items) {
        if (listed && seen.has(listed.productId)) continue;
        if (listed) seen.add(listed.productId);
        const reason = listed ? refuseListed(listed, now) : 'unreadable';
        if (reason) countDropped(dropped, reason);
        else wanted.push(listed!.productId);
      }
      visited.add(url.href);
      const next = nextPage(read.next, url);
      if (next === undefined || visited.has(next.href) || read.items.length === 0) break;
      // A page that brings nothing new, and leads on: there may be more, and there may be no end.
      if (seen.size === before) return { wanted, dropped, isComplete: false };
      url = next;
    }
    return { wanted, dropped, isComplete: true };
  }

  /** The first page is remembered: most banks have no other. */
  function readPage(response: HolderResponse, page: number): KnownPage {
    if (page === 1 && knownPage?.digest === response.digest) return knownPage;
    const read = parsePage(response);
    if (page === 1) knownPage = read;
    return read;
  }

  async function readProduct(id: string, startedAt: number, signal: AbortSignal): Promise<void> {
    const last = known.get(id);
    if (last && startedAt - last.readAt < ttlMs) return;
    signal.throwIfAborted();
    const url = last?.url ?? new URL(`${apiUrl}/banking/products/${encodeURIComponent(id)}`);
    let bytes = MIN_BYTES;
    let digest: string | undefined;
    let found: { product: Product } | { dropped: DropReason };
    try {
      const response = await holder.get('detail', url, signal);
      ({ digest } = response);
      bytes += response.bytes;
      const isSame = last?.digest === digest;
      found = isSame ? last : productIn(response.parse(), id);
      if ('dropped' in found) throw new ProviderError('invalid', 'the answer is no product');
      found = { product: found.product };
    } catch (error) {
      // A product that was there a while ago is rather away for a moment than gone: the list will tell.
      if (usable(id, startedAt) || !(error instanceof NotFoundError)) throw error;
      found = { dropped: 'not-found' };
    }
    const total = knownBytes + bytes - (last?.bytes ?? 0);
    if (total > MAX_BYTES) {
      throw new ProviderError('too-large', `over ${String(MAX_BYTES)} bytes of products`);
    }
    knownBytes = total;
    known.set(id, { ...found, url, bytes, digest, readAt: startedAt });
  }

  /** What is known of a product, unless it is too old to stand in for what cannot be read now. */
  function usable(id: string, now: number): KnownProduct | undefined {
    const last = known.get(id);
    return last && (last.readAt === now || now - last.readAt < STAND_IN_TTLS * ttlMs)
      ? last
      : undefined;
  }

  /** Forgets what is no longer listed. */
  function forgetAllBut(wanted: ReadonlySet<string>): void {
    for (const [id, { bytes }] of known) {
      if (wanted.has(id)) continue;
      known.delete(id);
      knownBytes -= bytes;
    }
  }
}

function parsePage({ digest, parse }: HolderResponse): KnownPage {
  const page = pageSchema.safeParse(parse());
  if (!page.success) {
    throw new ProviderError('invalid', `not a list of products: ${z.prettifyError(page.error)}`);
  }
  const { data, links } = page.data;
  const items = data.products.map((item) => listedProductSchema.safeParse(item).data);
  return { digest, items, next: links?.next };
}

function nextPage(next: string | undefined, current: URL): URL | undefined {
  return next !== undefined && URL.canParse(next, current.href)
    ? new URL(next, current)
    : undefined;
}

/** What a detail page says of the product of this id. */
export function productIn(
  body: unknown,
  id: string,
): { product: Product } | { dropped: DropReason } {
  const result = detailSchema.safeParse(body);
  if (!result.success) return { dropped: 'unreadable' };
  return { product: { ...result.data.data, productId: id } };
}
