import { readEnv } from '@loan-buddy/kit/process';
import { z } from 'zod';
import { baseUrlSchema } from './base-url';

const read = (env: NodeJS.ProcessEnv) =>
  readEnv(z.object({ URL: baseUrlSchema.default('http://localhost:8000') }), env);

describe('baseUrlSchema', () => {
  it('has a default', () => {
    expect(read({ URL: '' })).toEqual({ URL: 'http://localhost:8000' });
  });

  it('drops trailing slashes', () => {
    expect(read({ URL: 'https://example.test/base/' })).toEqual({
      URL: 'https://example.test/base',
    });
  });

  it.each([
    'https://example.test/a@b',
    'https://example.test:8443/~u:p@v/1',
    'http://[::1]:8000/@',
    'HTTPS://example.test/a',
  ])('accepts %s', (URL) => {
    expect(read({ URL })).toEqual({ URL });
  });

  it.each([
    'localhost:8000',
    'http://user:pw@host',
    'http://user@host/path',
    'http://@host',
    'http://host\\@other/',
    'http:user:pw@host',
    'http:///user:pw@host',
    'http://\t/user:pw@host',
    'http://\n/user:pw@host',
    'http://host/?query',
    'http://host?a@b',
    'http://host/#fragment',
  ])('refuses %s', (URL) => {
    expect(() => read({ URL })).toThrow('  URL: ');
  });
});
