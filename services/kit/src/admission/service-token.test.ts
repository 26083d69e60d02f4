import { createHmac } from 'node:crypto';
import { InvalidTokenError } from './bearer-token';
import { loadJose } from './load-jose';
import { createServiceTokenSigner, createServiceTokenVerifier } from './service-token';

const [one, two, three] = ['1', '2', '3'].map((digit) => digit.repeat(32)) as [
  string,
  string,
  string,
];
const parties = { issuer: 'offers', audience: 'confirm-payment' };
const token = { ...parties, scope: 'payments:confirm' };

describe('a service token', () => {
  it('names its service, with one scope, for one audience', async () => {
    const signed = await createServiceTokenSigner([one], token)('request-1');
    const { decodeJwt } = await loadJose();
    const { exp = 0, iat = 0, jti } = decodeJwt(signed);
    expect([exp - iat, jti]).toEqual([60, 'request-1']);
    const principal = await createServiceTokenVerifier([one], parties)(signed);
    expect(principal.subject).toBe('offers');
    expect(principal.hasScope('payments:confirm')).toBe(true);
    expect(principal.hasScope('orders:admin')).toBe(false);
    for (const other of [
      { ...parties, audience: 'offers' },
      { ...parties, issuer: 'confirm-payment' },
    ]) {
      await expect(
        Promise.resolve(createServiceTokenVerifier([one], other)(signed)),
      ).rejects.toThrow(InvalidTokenError);
    }
  });

  it('is accepted at every step of a rotation', async () => {
    const steps = [[one], [one, two], [two, one], [two]];
    for (const [i, step] of steps.entries()) {
      const signed = await createServiceTokenSigner(step, token)('r');
      // The verifier may be a step ahead or behind.
      for (const other of steps.slice(Math.max(0, i - 1), i + 2)) {
        await expect(
          Promise.resolve(createServiceTokenVerifier(other, parties)(signed)),
        ).resolves.toMatchObject({ subject: 'offers' });
      }
    }
  });

  it('is refused with another secret, with a bad claim, or once it is too old', async () => {
    const verify = async (text: string) => createServiceTokenVerifier([one, two], parties)(text);
    const now = Math.floor(Date.now() / 1000);
    const signed = await createServiceTokenSigner([one], token)('r');
    const [head = '', body = ''] = signed.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
    const made = (header: object, payload: object, secret: string | Buffer) => {
      const input = [header, payload]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.');
      return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
    };
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as object;
    // `made` signs exactly as the signer does.
    expect(made(header, claims, one)).toBe(signed);
    for (const forged of [
      await createServiceTokenSigner([three], token)('r'),
      made(header, claims, three),
      made({ alg: 'HS256' }, claims, one),
      made({ alg: 'HS256', kid: 'unknown' }, claims, Buffer.alloc(32)),
      made({ ...header, alg: 'HS512' }, claims, one),
      made(header, { ...claims, exp: now - 31, iat: now - 91 }, one),
      // Too old, whatever its `exp`: a leaked secret must not yield a long-lived token.
      made(header, { ...claims, exp: now + 1e6, iat: now - 91 }, one),
      made(header, { ...claims, jti: undefined }, one),
      made(header, { ...claims, sub: 7 }, one),
      made(header, { ...claims, sub: '' }, one),
      made(header, { ...claims, exp: 'soon' }, one),
      'garbage',
    ]) {
      await expect(verify(forged)).rejects.toThrow(InvalidTokenError);
    }
    for (const scope of [7, {}, null, ['payments:confirm', 7]]) {
      const principal = await verify(made(header, { ...claims, scope }, one));
      expect(principal.hasScope('payments:confirm')).toBe(Array.isArray(scope));
    }
  });
});
