import type { Logger } from '@loan-buddy/kit/telemetry';
import { z } from 'zod';
import { publicOnly } from '../../client/public-address';
import { createWebClient, type WebClient } from '../../client/web-client';
import type { ListedProvider, Provider } from '../provider';
import { cdrProvider } from './cdr/cdr-provider';
import { defaultMocks, mockProvider } from './mock-provider';

/** The providers that an operator configured, each validated by its `type`. */
export const providersSchema = z
  .strictObject({
    providers: z
      .array(z.discriminatedUnion('type', [mockProvider, cdrProvider]))
      .min(1)
      .max(1000),
  })
  .transform(({ providers }) => providers)
  .superRefine((providers, context) => {
    const seen = new Set<string>();
    providers.forEach(({ name, offerIds }, index) => {
      const ids = offerIds.map((id) => `another has the offer id ${id}`);
      for (const message of [`another provider has the name ${name}`, ...ids]) {
        if (seen.has(message)) {
          context.addIssue({ code: 'custom', message, path: ['providers', index] });
        }
        seen.add(message);
      }
    });
  });

/** Used if none are configured. */
export const defaultProviders: readonly ListedProvider[] = providersSchema.parse({
  providers: defaultMocks,
});

/** Far more than a real provider's product data. */
const MAX_RESPONSE_BYTES = 5 * 1024 * 1024;
const MAX_REDIRECTS = 3;

/** Creates a client for providers and their register. `allowPrivate`: also for private addresses and plain HTTP. */
export function createProviderWebClient(allowPrivate: boolean): WebClient {
  return createWebClient({
    maxResponseBytes: MAX_RESPONSE_BYTES,
    maxRedirects: MAX_REDIRECTS,
    guard: allowPrivate ? undefined : publicOnly,
  });
}

/** Creates the configured providers, with connections of their own. `close` aborts their requests. */
export function createProviders(
  listed: readonly ListedProvider[],
  options: { timeoutMs: number; allowPrivate: boolean; logger: Logger },
): { providers: Provider[]; close: () => Promise<void> } {
  const { timeoutMs, allowPrivate, logger } = options;
  const web = createProviderWebClient(allowPrivate);
  const names = new Set(listed.map(({ name }) => name));
  const providers = listed.map(({ name, create }) => {
    const isTaken = (other: string) => other !== name && names.has(other);
    return create({ timeoutMs, isTaken, web, logger });
  });
  return { providers, close: web.close };
}
