import { baseUrlSchema } from '../../../client/base-url';
import { z } from 'zod';
import { createSwrCache } from '../../swr-cache';
import { idSchema } from '../../../domain/id';
import { offerSchema } from '../../../domain/offer';
import type { ListedProvider, OfferQuery } from '../../provider';
import { withDeadline } from '../../with-deadline';
import { createHolder } from './holder';
import { createLoadCatalogue, type Catalogue } from './load-catalogue';
import { countDropped, mapProduct, type Dropped } from './map-product';
import type { Product } from './product';

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
  timeout_ms: z.int().min(1).max(600_000).default(30_000),
  /** How long a catalogue is fresh; six hours by default. */
  ttl_s: z.int().min(0).max(86_400).default(21_600),
});

/** An Australian bank's open product API (Consumer Data Standards, Banking). Serves every query from its catalogue. */
export const cdrProvider = schema.transform((entry): ListedProvider => {
  const { name, brand_id: brandId, base_uri: baseUri, timeout_ms: timeoutMs } = entry;
  const prefix = `cdr:${brandId}:`;
  const ttlMs = entry.ttl_s * 1000;
  return {
    name,
    offerIds: [prefix],
    create: ({ web, logger, isTaken }) => {
      const holder = createHolder(web);
      const loadCatalogue = createLoadCatalogue(holder, `${baseUri}/cds-au/v1`, ttlMs);
      const catalogue = createSwrCache<Catalogue>({
        load: () => withDeadline(timeoutMs, ({ signal }) => loadCatalogue(signal)),
        ttlMs: ({ unread, asOf }) =>
          unread > 0
            ? Math.min(ttlMs, INCOMPLETE_TTL_MS)
            : Math.max(0, asOf + ttlMs - performance.now()),
        maxAgeMs: ({ asOf }) => asOf + MAX_AGE_IN_TTLS * ttlMs - performance.now(),
        pauseMs: PAUSE_MS,
        onRefreshError: (error) => {
          logger.warn({ provider: name, err: error }, 'catalogue not refreshed');
        },
      });
      /** Offers carry the product's own brand if one API serves several, but never another provider's name. */
      const mapProducts = (products: readonly Product[], query: OfferQuery, dropped: Dropped) => {
        const now = new Date();
        const brands = new Set(products.flatMap(({ brandName }) => brandName ?? []));
        return products.flatMap((product) => {
          const ownBrand = brands.size > 1 ? idSchema.safeParse(product.brandName).data : undefined;
          const brand = ownBrand === undefined || isTaken(ownBrand) ? name : ownBrand;
          const id = prefix + product.productId;
          const mapped = mapProduct(product, { id, brand, now, query });
          if ('offer' in mapped) return mapped.offer;
          countDropped(dropped, mapped.dropped);
          return [];
        });
      };
      return {
        name,
        timeoutMs,
        owns: (offerId) => offerId.startsWith(prefix),
        fetchOffers: async (query) => {
          const askedAt = performance.now();
          const { value, freshUntil } = await catalogue.read();
          const { products, unread, asOf } = value;
          const dropped = { ...value.dropped };
          return {
            offers: mapProducts(products, query, dropped),
            dropped,
            ageMs: Math.max(0, performance.now() - asOf),
            isStale: askedAt >= freshUntil || askedAt - asOf >= ttlMs,
            unread,
            versions: holder.versions(),
          };
        },
      };
    },
  };
});
