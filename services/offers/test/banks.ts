import { recordingLogger } from '@loan-buddy/kit/testing';
import type { Provider } from '../src/catalogue/provider';
import { createProviders, providersSchema } from '../src/catalogue/providers/provider-config';
import { aProduct, startDataHolder, type DataHolder } from './data-holder';

/**
 * Starts banks, each with the provider that asks it, and closes them after each test. Further entries of
 * `PROVIDERS_FILE` ask the same bank.
 */
export function useBanks() {
  const opened: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
  });

  return async (
    options: Partial<Parameters<typeof startDataHolder>[0]> = {},
    ...entries: readonly object[]
  ): Promise<{ holder: DataHolder; bank: Provider; lines: Record<string, unknown>[] }> => {
    const holder = await startDataHolder({ products: [aProduct()], ...options });
    const defaults = { type: 'cdr', name: 'Bank', brand_id: 'b', timeout_ms: 60_000 };
    const listed = providersSchema.parse({
      providers: (entries.length > 0 ? entries : [{}]).map((entry) => ({
        ...defaults,
        base_uri: holder.url,
        ...entry,
      })),
    });
    const { logger, lines } = recordingLogger();
    const { providers, close } = createProviders(listed, {
      timeoutMs: 1000,
      allowPrivate: true,
      logger,
    });
    opened.push(holder.close, close);
    return { holder, bank: providers[0]!, lines };
  };
}

const never = new AbortController();

/** Asks a bank for its offers. */
export const ask = (bank: Provider, query = {}) => bank.fetchOffers(query, never);

/** A list of products with different ids, which need encoding in a path. */
export const manyProducts = (count: number) =>
  Array.from({ length: count }, (_, i) => aProduct({ productId: `loan ${String(i)}$` }));

/** The requests for single products. */
export const detailsOf = ({ requests }: DataHolder) =>
  requests.filter(({ path }) => /products\/./.test(path));
