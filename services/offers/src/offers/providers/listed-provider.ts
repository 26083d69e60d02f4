import type { Logger, WebClient } from '@loan-buddy/kit';
import type { Provider } from '../provider';

/** What a provider may need besides its own entry. */
export interface ProviderContext {
  /** The deadline of a provider that has none of its own. */
  timeoutMs: number;
  /** Whether another provider has the name. */
  isTaken: (name: string) => boolean;
  web: WebClient;
  logger: Logger;
}

/** An entry of `PROVIDERS_FILE` that makes sense. The schema of each kind of provider gives one. */
export interface ListedProvider {
  name: string;
  /** Offer ids, or how they all begin: whatever no other provider may have. */
  offerIds: readonly string[];
  create: (context: ProviderContext) => Provider;
}
