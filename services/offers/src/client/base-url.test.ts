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

  it.each(['localhost:8000', 'http://user:pw@host', 'http://host/?query'])('refuses %s', (URL) => {
    expect(() => read({ URL })).toThrow('  URL: ');
  });
});
