/** `npm run providers` lists the banks that could be asked, and tries those that are. */
import { createLogger, runCommand, StartError, UsageError } from '@loan-buddy/kit';
import { readOfferConfig } from '../config';
import { createLenderClient } from '../offers/providers/lender-client';
import { createProviders, defaultProviders } from '../offers/providers/provider-config';
import { checkProviders } from './check-providers';
import { listBrands } from './list-brands';

const USAGE = `usage: npm run providers -- list-brands [TEXT]   banks of the register whose name contains TEXT
       npm run providers -- check                asks each provider of PROVIDERS_FILE once`;

const REGISTER_TIMEOUT_MS = 30_000;

class ProvidersFailedError extends StartError {
  readonly code = 'providers-failed';
}

void runCommand('providers', async (print) => {
  const [command, text = '', ...more] = process.argv.slice(2);
  const config = readOfferConfig(process.env);
  if (command === 'list-brands' && more.length === 0) {
    const web = createLenderClient(config.ALLOW_PRIVATE_PROVIDERS);
    const signal = AbortSignal.timeout(REGISTER_TIMEOUT_MS);
    const registerUrl = config.CDR_REGISTER_URL;
    try {
      await listBrands(web, { registerUrl, nameContains: text, signal }, print);
    } finally {
      await web.close();
    }
  } else if (command === 'check' && text === '') {
    const { providers, close } = createProviders(config.PROVIDERS_FILE ?? defaultProviders, {
      timeoutMs: config.PROVIDER_TIMEOUT_MS,
      allowPrivate: config.ALLOW_PRIVATE_PROVIDERS,
      logger: createLogger({ service: 'providers', level: 'error' }),
    });
    try {
      const failures = await checkProviders(providers, print);
      if (failures > 0) throw new ProvidersFailedError(`${String(failures)} failed`);
    } finally {
      await close();
    }
  } else throw new UsageError(USAGE);
});
