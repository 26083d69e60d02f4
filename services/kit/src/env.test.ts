import { z } from 'zod';
import {
  baseUrlVariable,
  ConfigError,
  integerVariable,
  ratioVariable,
  readEnv,
  serverVariables,
} from './env';

const schema = z.object({
  ...serverVariables({ port: 8080 }),
  URL: baseUrlVariable('http://localhost:8000'),
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
  it('fills in the defaults, also for variables that are set but empty', () => {
    expect(readEnv(schema, { COUNT: '', LOG_LEVEL: '' })).toEqual({
      PORT: 8080,
      HOST: '0.0.0.0',
      LOG_LEVEL: 'info',
      SHUTDOWN_DELAY_MS: 300,
      SHUTDOWN_TIMEOUT_MS: 10_000,
      URL: 'http://localhost:8000',
      RATE: 0,
      COUNT: 3,
    });
  });

  it.each([
    ['PORT', '0', 0],
    ['HOST', '127.0.0.1', '127.0.0.1'],
    ['LOG_LEVEL', 'debug', 'debug'],
    ['SHUTDOWN_DELAY_MS', '5', 5],
    ['SHUTDOWN_TIMEOUT_MS', '50', 50],
    ['URL', 'https://example.test/base/', 'https://example.test/base'],
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
    ['SHUTDOWN_TIMEOUT_MS', '0'],
    ['SHUTDOWN_DELAY_MS', '1.5'],
    ['URL', 'localhost:8000'],
    ['URL', 'http://user:pw@host'],
    ['URL', 'http://host/?query'],
    ['RATE', '1.5'],
    ['RATE', '-0.1'],
    ['COUNT', '0'],
    ['COUNT', '6'],
  ])('refuses %s=%s and names the variable', (name, text) => {
    expect(faultsOf({ [name]: text })).toContain(`  ${name}: `);
  });

  it('reports all faults at once and repeats no value', () => {
    const message = faultsOf({ PORT: 'x', URL: 'http://admin:secret@host', COUNT: '9' });
    expect(message.match(/^ {2}\w+: /gm)).toEqual(['  PORT: ', '  URL: ', '  COUNT: ']);
    expect(message).not.toContain('secret');
  });
});
