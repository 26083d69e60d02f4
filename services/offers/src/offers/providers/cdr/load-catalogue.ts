import { z } from 'zod';
import { ProviderError } from '../../failure-reason';
import { NotFoundError, type Holder } from './holder';
import { refuseListed, type DropReason } from './map-product';
import { listedProductSchema, productSchema, type ListedProduct, type Product } from './product';

/** A bank's personal loans, as far as they could be read. */
export interface Catalogue {
  products: readonly Product[];
  /** Products that are listed, and of which nothing more is known this time. */
  unread: number;
  /** How many were left out, by reason. */
  dropped: Readonly<Partial<Record<DropReason, number>>>;
}

const PAGE_SIZE = 1000;
const MAX_PAGES = 100;
const MAX_PRODUCTS = 1000;
/** How many calls one bank gets at once. */
const AT_ONCE = 4;
/** All bodies of one catalogue together. */
const MAX_BYTES = 16 * 1024 * 1024;

const pageSchema = z.object({
  data: z.object({
    products: z
      .array(z.unknown(), 'must be a list')
      .transform((products) => products.slice(0, PAGE_SIZE)),
  }),
  links: z
    .object({ next: z.string().min(1).optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

const detailSchema = z.object({ data: productSchema });

type KnownProduct = { bytes: number; readAt: number } & (
  { product: Product } | { dropped: DropReason }
);

/**
 * Creates a function that reads all personal loans of a bank: its list, page by page, then each product's own page. At
 * the signal it comes back with what has been read by then. Products read less than `ttlMs` ago are not read again, so
 * that one call goes on where the last one ended.
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

  return async (signal) => {
    const dropped: Partial<Record<DropReason, number>> = {};
    const drop = (reason: DropReason) => (dropped[reason] = (dropped[reason] ?? 0) + 1);
    const now = new Date();
    const list = await readList(signal);
    const wanted: string[] = [];
    for (const listed of list.products) {
      const reason = refuseListed(listed, now);
      if (reason) drop(reason);
      else wanted.push(listed.productId);
    }
    if (list.unreadable > 0) dropped.unreadable = list.unreadable;
    forgetAllBut(wanted);

    let unread = (list.isComplete ? 0 : 1) + Math.max(0, wanted.length - MAX_PRODUCTS);
    let failure: Error | undefined;
    const ids = wanted.slice(0, MAX_PRODUCTS).values();
    const readNext = async (): Promise<void> => {
      // One iterator for all: each id is taken by whoever is free.
      for (const id of ids) {
        try {
          await readProduct(id, signal);
        } catch (error) {
          unread += 1;
          failure ??= error instanceof Error ? error : new Error(String(error));
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, wanted.length) }, readNext));
    if (failure !== undefined && known.size === 0) throw failure;

    const products: Product[] = [];
    for (const each of wanted.flatMap((id) => known.get(id) ?? [])) {
      if ('product' in each) products.push(each.product);
      else drop(each.dropped);
    }
    return { products, unread, dropped };
  };

  /** All products listed, each once. Only the first page must be there. */
  async function readList(
    signal: AbortSignal,
  ): Promise<{ products: ListedProduct[]; unreadable: number; isComplete: boolean }> {
    const found = new Map<string, ListedProduct>();
    let url: URL | undefined = firstPage;
    let unreadable = 0;
    const soFar = (isComplete: boolean) => ({
      products: [...found.values()],
      unreadable,
      isComplete,
    });
    for (let page = 1; url; page++) {
      if (page > MAX_PAGES) return soFar(false);
      let read;
      try {
        read = readPage((await holder.get('list', url, signal)).body);
      } catch (error) {
        if (page === 1) throw error;
        return soFar(false);
      }
      const before = found.size;
      for (const item of read.data.products) {
        const listed = listedProductSchema.safeParse(item);
        if (listed.success) found.set(listed.data.productId, listed.data);
        else unreadable += 1;
      }
      // A page that brings nothing new has been here before, whatever its link says.
      url = found.size > before ? nextPage(read.links?.next, url) : undefined;
    }
    return soFar(true);
  }

  async function readProduct(id: string, signal: AbortSignal): Promise<void> {
    const last = known.get(id);
    if (last && performance.now() - last.readAt < ttlMs) return;
    known.delete(id);
    signal.throwIfAborted();
    const url = `${apiUrl}/banking/products/${encodeURIComponent(id)}`;
    let bytes = 0;
    let found: { product: Product } | { dropped: DropReason };
    try {
      const response = await holder.get('detail', url, signal);
      bytes = response.bytes;
      found = productIn(response.body, id);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      found = { dropped: 'not-found' };
    }
    const total = [...known.values()].reduce((sum, each) => sum + each.bytes, bytes);
    if (total > MAX_BYTES) {
      throw new ProviderError('too-large', `over ${String(MAX_BYTES)} bytes of products`);
    }
    known.set(id, { ...found, bytes, readAt: performance.now() });
  }

  function forgetAllBut(listed: readonly string[]): void {
    const ids = new Set(listed);
    for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
  }
}

function readPage(body: unknown): z.output<typeof pageSchema> {
  const page = pageSchema.safeParse(body);
  if (page.success) return page.data;
  throw new ProviderError('invalid', `not a list of products: ${z.prettifyError(page.error)}`);
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
