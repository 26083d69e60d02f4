/** `npm run providers` lists the banks of the CDR register, and tests the configured providers. */
import { runCommand, StartError, UsageError } from '@loan-buddy/kit/process';
import { createLogger } from '@loan-buddy/kit/telemetry';
import { readOfferConfig } from '../config';
import { openProviders } from '../context';
import { createProviderWebClient } from '../catalogue/providers/provider-config';
import { checkProviders } from './check-providers';
import { listBrands } from './list-brands';

const usage = `usage: npm run providers -- list-brands [TEXT]
       npm run providers -- check
  list-brands   prints the banks of the register whose name contains TEXT, as entries of PROVIDERS_FILE
  check         asks each provider of PROVIDERS_FILE once, and exits 1 if one of them fails`;

const REGISTER_TIMEOUT_MS = 30_000;

class ProvidersFailedError extends StartError {
  readonly code = 'providers-failed';
}

void runCommand({
  name: 'providers',
  usage,
  readsEnv: true,
  run: async ({ positionals: [action, text, ...more], print }) => {
    const isListing = action === 'list-brands' && more.length === 0;
    const isChecking = action === 'check' && text === undefined;
    if (!isListing && !isChecking) throw new UsageError('expected list-brands or check');
    const config = readOfferConfig(process.env);
    if (isChecking) {
      const logger = createLogger({ service: 'providers', level: 'error' });
      const { providers, close } = openProviders(config, logger);
      const failures = await checkProviders(providers, print).finally(close);
      if (failures > 0) throw new ProvidersFailedError(`${String(failures)} failed`);
      return;
    }
    const web = createProviderWebClient(config.ALLOW_PRIVATE_PROVIDERS);
    const signal = AbortSignal.timeout(REGISTER_TIMEOUT_MS);
    const options = { registerUrl: config.CDR_REGISTER_URL, nameContains: text ?? '', signal };
    await listBrands(web, options, print).finally(web.close);
  },
});
