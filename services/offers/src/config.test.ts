import { readConfig } from './config';

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
      PROVIDERS_FILE: 'f.json',
      PROVIDER_TIMEOUT_MS: '3',
    };
    expect(readConfig(env)).toMatchObject({
      ...env,
      PORT: 1,
      CONFIRM_PAYMENT_TIMEOUT_MS: 2,
      PROVIDER_TIMEOUT_MS: 3,
    });
  });
});
