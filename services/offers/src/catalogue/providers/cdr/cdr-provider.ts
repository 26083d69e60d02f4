import { baseUrlSchema } from '../../../client/base-url';
import { z } from 'zod';
import { createSwrCache } from '../../swr-cache';
import { idSchema } from '../../../domain/id';
import { offerSchema } from '../../../domain/offer';
import type { OfferQuery, ProviderResult } from '../../provider';
import { withDeadline } from '../../with-deadline';
import type { ListedProvider } from '../listed-provider';
import { createHolder } from './holder';
import { createLoadCatalogue, type Catalogue } from './load-catalogue';
import { countDropped, mapProduct } from './map-product';
import type { Product } from './product';

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_TTL_S = 6 * 3600;
/** No offer is older than this multiple of its freshness: a day by default. */
const MAX_AGE_IN_TTLS = 4;
/** When to retry what could not be read. */
const INCOMPLETE_TTL_MS = 60_000;
const PAUSE_MS = 30_000;

const schema = z.strictObject({
  type: z.literal('cdr'),
  /** The register's brand name. */
  name: offerSchema.shape.provider,
  brand_id: z.string().regex(/^[\w-]{1,64}$/, 'must be an id of the register'),
  base_uri: baseUrlSchema.refine(
    (url) => !url.endsWith('/cds-au/v1'),
    'must be given without /cds-au/v1',
  ),
  /** Deadline for reading the whole catalogue. */
  timeout_ms: z.int().min(1).max(600_000).default(DEFAULT_TIMEOUT_MS),
  /** How long a catalogue is fresh. */
  ttl_s: z.int().min(0).max(86_400).default(DEFAULT_TTL_S),
});

/**
 * An Australian bank's open product API (Consumer Data Standards, Banking: Get Products, Get Product Detail). Caches
 * the catalogue, and serves every query from it.
 */
export const cdrProvider = schema.transform((entry): ListedProvider => {
  const { name, brand_id: brandId, base_uri: baseUri, timeout_ms: timeoutMs } = entry;
  const prefix = `cdr:${brandId}:`;
  const ttlMs = entry.ttl_s * 1000;
  return {
    name,
    offerIds: [prefix],
    create: ({ web, logger, isTaken }) => {
      const holder = createHolder(web);
      const loadCatalogue = createLoadCatalogue({
        holder,
        apiUrl: `${baseUri}/cds-au/v1`,
        ttlMs,
      });
      const catalogue = createSwrCache<Catalogue>({
        load: () => withDeadline(timeoutMs, loadCatalogue),
        ttlMs: ({ unread, asOf }) => {
          const left = Math.max(0, asOf + ttlMs - performance.now());
          return unread > 0 ? Math.min(ttlMs, INCOMPLETE_TTL_MS) : left;
        },
        maxAgeMs: ({ asOf }) => asOf + MAX_AGE_IN_TTLS * ttlMs - performance.now(),
        pauseMs: PAUSE_MS,
        onRefreshError: (error) => {
          logger.warn({ provider: name, err: error }, 'catalogue not refreshed');
        },
      });
      return {
        name,
        timeoutMs,
        owns: (offerId) => offerId.startsWith(prefix),
        fetchOffers: async (query) => {
          const askedAt = performance.now();
          const { value, freshUntil } = await catalogue.read();
          return {
            ...mapCatalogue(value, { prefix, name, isTaken, query }),
            ageMs: Math.max(0, performance.now() - value.asOf),
            isStale: askedAt >= freshUntil || askedAt - value.asOf >= ttlMs,
            unread: value.unread,
            versions: holder.versions(),
          };
        },
      };
    },
  };
});

/**
 * Maps a catalogue to offers for a query, and counts products without an offer by reason. Offers carry the register's
 * name. If one API serves several brands, they carry the product's own brand, but never another provider's name.
 */
function mapCatalogue(
  catalogue: Catalogue,
  context: { prefix: string; name: string; isTaken: (name: string) => boolean; query: OfferQuery },
): Required<Pick<ProviderResult, 'offers' | 'dropped'>> {
  const { prefix, name, isTaken, query } = context;
  const now = new Date();
  const brands = new Set(catalogue.products.flatMap(({ brandName }) => brandName ?? []));
  const brandOf = ({ brandName }: Product) => {
    const brand = brands.size > 1 ? idSchema.safeParse(brandName).data : undefined;
    return brand === undefined || isTaken(brand) ? name : brand;
  };
  const dropped = { ...catalogue.dropped };
  const offers = catalogue.products.flatMap((product) => {
    const id = prefix + product.productId;
    const mapped = mapProduct(product, { id, brand: brandOf(product), now, query });
    if ('offer' in mapped) return mapped.offer;
    countDropped(dropped, mapped.dropped);
    return [];
  });
  return { offers, dropped };
}
