import type { Logger } from '@loan-buddy/kit/telemetry';
import type { WebClient } from '../../client/web-client';
import type { Provider } from '../provider';

/** What a provider may need in addition to its own entry. */
export interface ProviderContext {
  /** Default deadline, for providers without their own. */
  timeoutMs: number;
  /** Whether another provider has this name. */
  isTaken: (name: string) => boolean;
  web: WebClient;
  logger: Logger;
}

/** A valid entry of `PROVIDERS_FILE`, as each provider type's schema outputs it. */
export interface ListedProvider {
  name: string;
  /** Offer ids or their prefix; no other provider may use them. */
  offerIds: readonly string[];
  create: (context: ProviderContext) => Provider;
}
