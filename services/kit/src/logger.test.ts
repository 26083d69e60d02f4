import { AxiosError, type InternalAxiosRequestConfig } from 'axios';
import { describeError } from './logger';

describe('describeError', () => {
  it('keeps what explains an error, its causes included, and nothing else of it', () => {
    const config = { headers: { authorization: 'Bearer x' }, data: '{"user_id":"cristina"}' };
    const refused = new AxiosError(
      'refused',
      'ECONNREFUSED',
      config as unknown as InternalAxiosRequestConfig,
    );
    const described = describeError(new Error('outer', { cause: refused }));
    expect(described).toEqual({
      type: 'Error',
      message: 'outer',
      stack: expect.any(String) as string,
      cause: expect.objectContaining({ code: 'ECONNREFUSED', message: 'refused' }) as object,
    });
    expect(JSON.stringify(described)).not.toMatch(/Bearer|cristina/);
  });

  it('copes with what is no error', () => {
    expect(describeError('text')).toEqual({ type: 'string', message: 'text' });
  });
});
