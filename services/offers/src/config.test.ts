import { join } from 'node:path';
import { readConfig } from './config';

const providersFile = join(__dirname, '../../../docs/examples/slow-providers.json');

describe('readConfig', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toMatchObject({
      PORT: 8080,
      CONFIRM_PAYMENT_URL: 'http://localhost:8000',
      CONFIRM_PAYMENT_TIMEOUT_MS: 2000,
      PROVIDER_TIMEOUT_MS: 1000,
    });
  });

  it('reads each variable under its own name', () => {
    const env = {
      PORT: '1',
      CONFIRM_PAYMENT_URL: 'http://x',
      CONFIRM_PAYMENT_TIMEOUT_MS: '2',
      PROVIDERS_FILE: providersFile,
      PROVIDER_TIMEOUT_MS: '3',
    };
    expect(readConfig(env)).toMatchObject({
      ...env,
      PORT: 1,
      CONFIRM_PAYMENT_TIMEOUT_MS: 2,
      PROVIDER_TIMEOUT_MS: 3,
      PROVIDERS_FILE: [{ name: 'ProviderA' }, { name: 'ProviderB' }, { name: 'ProviderC' }],
    });
  });

  it('names what is wrong in PROVIDERS_FILE beside what else is wrong', () => {
    expect(() => readConfig({ PORT: 'x', PROVIDERS_FILE: __filename })).toThrow(
      /PORT: .*\n {2}PROVIDERS_FILE: .*config\.test\.ts is not JSON$/,
    );
  });
});
