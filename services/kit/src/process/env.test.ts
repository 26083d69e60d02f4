import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, integerVariable, ratioVariable, readEnv } from './env';
import { environment, serverVariables } from '../server/server-variables';

const schema = environment({
  ...serverVariables({ port: 8080 }),
  RATE: ratioVariable({ default: 0 }),
  COUNT: integerVariable({ default: 3, min: 1, max: 5 }),
});

function faultsOf(env: NodeJS.ProcessEnv): string {
  try {
    readEnv(schema, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
  }
  throw new Error('no fault was found');
}

describe('readEnv', () => {
  it('fills in the defaults, even for variables that are set but empty', () => {
    expect(readEnv(schema, { COUNT: '', LOG_LEVEL: '' })).toEqual({
      PORT: 8080,
      HOST: '0.0.0.0',
      LOG_LEVEL: 'info',
      LOG_FORMAT: 'json',
      SHUTDOWN_DELAY_MS: 300,
      SHUTDOWN_TIMEOUT_MS: 10_000,
      MAX_CONNECTIONS: 10_000,
      MAX_CONCURRENT_REQUESTS: 200,
      RATE: 0,
      COUNT: 3,
    });
  });

  it.each([
    ['PORT', '0', 0],
    ['HOST', '127.0.0.1', '127.0.0.1'],
    ['LOG_LEVEL', 'debug', 'debug'],
    ['LOG_FORMAT', 'google', 'google'],
    ['SHUTDOWN_DELAY_MS', '5', 5],
    ['SHUTDOWN_TIMEOUT_MS', '500', 500],
    ['RATE', '.25', 0.25],
    ['COUNT', '5', 5],
  ])('reads %s', (name, text, value) => {
    expect(readEnv(schema, { [name]: text })).toMatchObject({ [name]: value });
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '80a'],
    ['PORT', '-1'],
    ['LOG_LEVEL', 'loud'],
    ['LOG_FORMAT', 'text'],
    ['SHUTDOWN_TIMEOUT_MS', '0'],
    ['SHUTDOWN_DELAY_MS', '1.5'],
    ['RATE', '1.5'],
    ['RATE', '-0.1'],
    ['COUNT', '0'],
    ['COUNT', '6'],
  ])('refuses %s=%s and names the variable', (name, text) => {
    expect(faultsOf({ [name]: text })).toContain(`  ${name}: `);
  });

  it('refuses a shutdown delay that is not less than its timeout', () => {
    const both = { SHUTDOWN_DELAY_MS: '500', SHUTDOWN_TIMEOUT_MS: '500' };
    expect(faultsOf(both)).toContain('  SHUTDOWN_DELAY_MS: must be less than SHUTDOWN_TIMEOUT_MS');
  });

  it('reports all faults at once and repeats no value', () => {
    const message = faultsOf({ PORT: 'x', LOG_LEVEL: 'http://admin:secret@host', COUNT: '9' });
    expect(message.match(/^ {2}\w+: /gm)).toEqual(['  PORT: ', '  LOG_LEVEL: ', '  COUNT: ']);
    expect(message).not.toContain('secret');
  });

  describe('in production', () => {
    it('starts only with a choice of authentication', () => {
      expect(() => readEnv(schema, { NODE_ENV: 'production' })).toThrow(
        /^invalid configuration\n {2}AUTH_MODE: must be set for NODE_ENV=production/,
      );
      for (const env of [{ NODE_ENV: 'production', AUTH_MODE: 'none' }, { NODE_ENV: 'test' }]) {
        expect(readEnv(schema, env)).toMatchObject(env);
      }
    });
  });

  describe('the service secrets', () => {
    const long = 'l'.repeat(32);

    it('are required with AUTH_MODE=jwt: one, or two during a rotation', () => {
      const read = (text: string) => readEnv(schema, { SERVICE_AUTH_SECRETS: text });
      expect(read(long).SERVICE_AUTH_SECRETS).toEqual([long]);
      expect(read(`${long}, ${long}2`).SERVICE_AUTH_SECRETS).toEqual([long, `${long}2`]);
      expect(() => readEnv(schema, { AUTH_MODE: 'jwt' })).toThrow(
        /SERVICE_AUTH_SECRETS: must be set/,
      );
    });

    it.each([
      ['short', /at least 32 characters/],
      [`${long},`, /at least 32 characters/],
      [[long, long, long].join(), /one secret, or two/],
    ])('are refused as %s, without repeating them', (text, reason) => {
      const refused = () => readEnv(schema, { SERVICE_AUTH_SECRETS: text });
      expect(refused).toThrow(reason);
      expect(refused).not.toThrow(new RegExp(`${long}|short\\b`));
    });
  });

  describe('a variable given as a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'env-'));
    const file = join(folder, 'value');
    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    it('has the content of the file, without the last line break', () => {
      for (const [text, value] of [
        ['a b', 'a b'],
        ['a\n', 'a'],
        ['a\r\n', 'a'],
        ['a\n\n', 'a\n'],
      ] as const) {
        writeFileSync(file, text);
        expect(readEnv(schema, { HOST_FILE: file }).HOST).toBe(value);
      }
    });

    it('needs the file to exist and the variable to be unset', () => {
      expect(() =>
        readEnv(schema, { HOST: 'x', HOST_FILE: file, LOG_LEVEL_FILE: '/nowhere', PORT: 'x' }),
      ).toThrow(
        /LOG_LEVEL_FILE: \/nowhere cannot be read \(ENOENT\)|HOST_FILE: set either HOST or HOST_FILE, not both/,
      );
    });
  });
});
