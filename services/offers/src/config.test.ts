import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from './config';

const examples = join(__dirname, '../../../docs/examples');
const providersFile = join(examples, 'slow-providers.json');

describe('readConfig', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toEqual({
      PORT: 8080,
      HOST: '0.0.0.0',
      LOG_LEVEL: 'info',
      LOG_FORMAT: 'json',
      SHUTDOWN_DELAY_MS: 300,
      SHUTDOWN_TIMEOUT_MS: 10_000,
      MAX_CONNECTIONS: 10_000,
      MAX_CONCURRENT_REQUESTS: 200,
      AUTH_PUBLIC_OFFERS: false,
      RATE_LIMIT_READS: 600,
      RATE_LIMIT_WRITES: 60,
      TRUST_PROXY: 0,
      DATA_DIR: join(__dirname, '../../../.data/offers'),
      DATABASE_POOL_SIZE: 10,
      DATABASE_TIMEOUT_MS: 2000,
      CONFIRM_PAYMENT_URL: 'http://localhost:8000',
      CONFIRM_PAYMENT_TIMEOUT_MS: 2000,
      BREAKER_FAILURES: 5,
      BREAKER_OPEN_MS: 5000,
      RETRY_ATTEMPTS: 10,
      RETRY_BASE_MS: 500,
      RETRY_CAP_MS: 60_000,
      IDEMPOTENCY_TTL_HOURS: 24,
      CDR_REGISTER_URL: 'https://api.cdr.gov.au',
      ALLOW_PRIVATE_PROVIDERS: false,
      PROVIDER_TIMEOUT_MS: 1000,
      OFFERS_TTL_MS: 5000,
      OFFERS_MAX_AGE_MS: 60_000,
      APR_TYPE: 'eu-effective',
      PAGE: 'on',
      CHECKOUT_MODE: 'sync',
      APPROVAL_TRANSPORT: 'http',
      EVENT_BUS: 'none',
      EVENT_RETENTION_DAYS: 0,
      ALLOW_PRIVATE_WEBHOOKS: false,
      WEBHOOK_TIMEOUT_MS: 15_000,
      NOTIFICATION_RETENTION_DAYS: 30,
      DECISION_TIMEOUT_MS: 5000,
      PUBSUB_DEAD_LETTER_TOPIC: 'loan-buddy-dead-letters',
      PUBSUB_MAX_DELIVERIES: 10,
      PUBSUB_CHECKOUTS_TOPIC: 'loan-buddy-checkouts',
      PUBSUB_DECISIONS_TOPIC: 'loan-buddy-decisions',
      PUBSUB_DECISIONS_SUBSCRIPTION: 'loan-buddy-decisions-offers',
      PUBSUB_EVENTS_TOPIC: 'loan-buddy-order-events',
    });
  });

  it('reads each variable under its own name', () => {
    const numbers = Object.keys(readConfig({})).filter((name) =>
      /^(PORT|.*_(MS|SIZE|FAILURES|ATTEMPTS|HOURS|DAYS|DELIVERIES|CONNECTIONS|REQUESTS|READS|WRITES))$/.test(
        name,
      ),
    );
    expect(numbers).toHaveLength(24);
    // A different value for each, and a drain shorter than the shutdown.
    const values = Object.fromEntries(numbers.map((name, i) => [name, 80 + i]));
    const written = Object.entries(values).map(([name, value]) => [name, String(value)] as const);
    const others = {
      HOST: '127.0.0.1',
      LOG_LEVEL: 'debug',
      LOG_FORMAT: 'google',
      GOOGLE_CLOUD_PROJECT: 'p',
      DATABASE_URL: 'memory:',
      DATA_DIR: '/x',
      CONFIRM_PAYMENT_URL: 'http://x',
      CDR_REGISTER_URL: 'http://y',
      APR_TYPE: 'au-comparison',
      CHECKOUT_MODE: 'async',
      APPROVAL_TRANSPORT: 'pubsub',
      EVENT_BUS: 'pubsub',
      SMTP_URL: 'smtps://user:secret@mail.example:465',
      SMTP_FROM: 'Loan Buddy <no-reply@example.com>',
      PUBSUB_PROJECT_ID: 'some-project',
      PUBSUB_EMULATOR_HOST: 'localhost:8085',
      PUBSUB_DEAD_LETTER_TOPIC: 'dead',
      PUBSUB_CHECKOUTS_TOPIC: 'checkouts',
      PUBSUB_DECISIONS_TOPIC: 'decisions',
      PUBSUB_DECISIONS_SUBSCRIPTION: 'decided',
      PUBSUB_EVENTS_TOPIC: 'events',
      NODE_ENV: 'production',
      AUTH_MODE: 'jwt',
      AUTH_ISSUER: 'https://issuer.example',
      AUTH_AUDIENCE: 'loan-buddy',
      RATE_LIMIT: 'off',
    };
    const env = {
      ...Object.fromEntries(written),
      ...others,
      PROVIDERS_FILE: providersFile,
      ALLOW_PRIVATE_PROVIDERS: 'true',
      ALLOW_PRIVATE_WEBHOOKS: 'true',
      AUTH_JWKS_URL: 'https://issuer.example/jwks',
      AUTH_PUBLIC_OFFERS: 'true',
      SERVICE_AUTH_SECRETS: `${'a'.repeat(32)},${'b'.repeat(32)}`,
      TRUST_PROXY: '2',
      CORS_ORIGINS: 'https://app.example.com, http://localhost:5173',
    };
    expect(readConfig(env)).toMatchObject({
      ...values,
      ...others,
      ALLOW_PRIVATE_PROVIDERS: true,
      ALLOW_PRIVATE_WEBHOOKS: true,
      AUTH_JWKS_URL: 'https://issuer.example/jwks',
      AUTH_PUBLIC_OFFERS: true,
      SERVICE_AUTH_SECRETS: ['a'.repeat(32), 'b'.repeat(32)],
      TRUST_PROXY: 2,
      CORS_ORIGINS: ['https://app.example.com', 'http://localhost:5173'],
      PROVIDERS_FILE: [{ name: 'ProviderA' }, { name: 'ProviderB' }, { name: 'ProviderC' }],
    });
  });

  it.each([
    '*',
    'null',
    'app.example.com',
    'https://a.example/',
    'https://A.example',
    'https://a.example:443',
  ])('refuses %s as an origin, which no browser would send', (origin) => {
    const read = () => readConfig({ CORS_ORIGINS: `https://b.example,${origin}` });
    expect(read).toThrow('CORS_ORIGINS: must be origins such as https://app.example.com');
  });

  it('requires a sender for e-mail, and repeats no password', () => {
    const url = 'smtp://user:hunter2@mail.example';
    expect(() => readConfig({ SMTP_URL: url })).toThrow(/SMTP_FROM: must be set where SMTP_URL is/);
    for (const SMTP_FROM of ['nobody', 'a@b\nBcc: c@d', '@', 'a@', 'a b <c>']) {
      expect(() => readConfig({ SMTP_URL: url, SMTP_FROM })).toThrow(/SMTP_FROM: must be an addr/);
    }
    const message = (env: NodeJS.ProcessEnv) => {
      try {
        return JSON.stringify(readConfig(env));
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(message({ SMTP_URL: 'http://user:hunter2@x' })).toMatch(/^inv.*\n {2}SMTP_URL: must be/);
    expect(message({ SMTP_URL: 'http://user:hunter2@x' })).not.toContain('hunter2');
    expect(message({ SMTP_URL: 'smtp://' })).toMatch(/SMTP_URL: must be an smtp/);
    expect(message({ SMTP_URL: `${url}?debug=true` })).toMatch(/SMTP_URL: must end after the port/);
  });

  it('requires a complete token configuration', () => {
    expect(() => readConfig({ AUTH_MODE: 'jwt' })).toThrow(
      /SERVICE_AUTH_SECRETS: must be set.*\n {2}AUTH_ISSUER: must.*\n {2}AUTH_AUDIENCE: must.*\n {2}AUTH_JWKS_URL: must/,
    );
    const whole = {
      AUTH_MODE: 'jwt',
      AUTH_ISSUER: 'a',
      AUTH_AUDIENCE: 'b',
      SERVICE_AUTH_SECRETS: 'c'.repeat(32),
    };
    const AUTH_JWKS_FILE = __filename;
    expect(readConfig({ ...whole, AUTH_JWKS_FILE })).toMatchObject({ AUTH_JWKS_FILE });
    expect(() => readConfig({ ...whole, AUTH_JWKS_FILE: '/x' })).toThrow(/AUTH_JWKS_FILE: is not/);
    expect(() => readConfig({ ...whole, AUTH_JWKS_FILE, AUTH_JWKS_URL: 'https://x' })).toThrow(
      /AUTH_JWKS_URL: .*not both$/,
    );
    expect(() => readConfig({ ...whole, AUTH_JWKS_URL: 'file:///x' })).toThrow(/AUTH_JWKS_URL/);
    const AUTH_JWKS_URL = 'http://issuer.example';
    expect(readConfig({ ...whole, AUTH_JWKS_URL })).toMatchObject({ AUTH_JWKS_URL });
    for (const insecure of [AUTH_JWKS_URL, 'HTTP://issuer.example']) {
      expect(() =>
        readConfig({ ...whole, AUTH_JWKS_URL: insecure, NODE_ENV: 'production' }),
      ).toThrow(/AUTH_JWKS_URL: must be an https/);
    }
  });

  it('requires the project for Pub/Sub', () => {
    expect(() => readConfig({ APPROVAL_TRANSPORT: 'pubsub', EVENT_BUS: 'pubsub' })).toThrow(
      /PUBSUB_PROJECT_ID: .*APPROVAL_TRANSPORT=pubsub\n {2}PUBSUB_PROJECT_ID: .*EVENT_BUS=pubsub$/,
    );
  });

  it.each(readdirSync(examples))('accepts the example %s', (file) => {
    const { PROVIDERS_FILE } = readConfig({ PROVIDERS_FILE: join(examples, file) });
    expect(PROVIDERS_FILE?.length).toBeGreaterThan(2);
  });

  it('names errors in PROVIDERS_FILE together with all others', () => {
    expect(() => readConfig({ PORT: 'x', PROVIDERS_FILE: __filename })).toThrow(
      /PORT: .*\n {2}PROVIDERS_FILE: .*config\.test\.ts is not JSON$/,
    );
  });
});
