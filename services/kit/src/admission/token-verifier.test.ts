import { AUDIENCE, createTokenIssuer, ISSUER } from '../../testing';
import { InvalidTokenError } from './bearer-token';
import { loadJose } from './load-jose';
import { createTokenVerifier } from './token-verifier';

/** A key set whose keys change when it is told to, and that counts how often it is asked. */
async function setUp() {
  const { jwk, sign } = await createTokenIssuer();
  const { importJWK } = await loadJose();
  let change: () => void = () => undefined;
  const asked = { times: 0, meanwhile: (): void => undefined };
  const keys = {
    getKey: async () => {
      asked.times += 1;
      asked.meanwhile();
      return importJWK(jwk);
    },
    onChange: (listener: () => void) => (change = listener),
    close: () => undefined,
  };
  const verify = createTokenVerifier({ keys, issuer: ISSUER, audience: AUDIENCE });
  return {
    verify,
    asked,
    change: () => {
      change();
    },
    token: await sign(),
  };
}

describe('createTokenVerifier', () => {
  it('remembers a token until the keys change', async () => {
    const { verify, asked, change, token } = await setUp();
    await verify(token);
    await verify(token);
    expect(asked.times).toBe(1);
    change();
    await verify(token);
    expect(asked.times).toBe(2);
  });

  it('does not remember a token that was verified with keys that are gone by then', async () => {
    const { verify, asked, change, token } = await setUp();
    asked.meanwhile = change;
    await verify(token);
    asked.meanwhile = () => undefined;
    await verify(token);
    expect(asked.times).toBe(2);
  });

  it.each([
    ['by no name', undefined],
    ['by a name that two keys have', 'key-1'],
  ])('tries each key that fits a token which tells its key %s', async (_, kid) => {
    const issuers = [await createTokenIssuer(), await createTokenIssuer()];
    const { createLocalJWKSet } = await loadJose();
    const verify = createTokenVerifier({
      keys: {
        getKey: createLocalJWKSet({ keys: issuers.map(({ jwk }) => jwk) }),
        onChange: () => undefined,
        close: () => undefined,
      },
      issuer: ISSUER,
      audience: AUDIENCE,
    });
    for (const { sign } of issuers) {
      expect(await verify(await sign({}, { kid }))).toMatchObject({ subject: 'cristina' });
    }
    const { sign } = await createTokenIssuer();
    await expect(verify(await sign({}, { kid }))).rejects.toThrow(InvalidTokenError);
  });

  it('lets in nobody with a key of the issuer that cannot be used', async () => {
    const { sign, jwk } = await createTokenIssuer();
    const { createLocalJWKSet } = await loadJose();
    const verify = createTokenVerifier({
      keys: {
        // A point that is not on the curve.
        getKey: createLocalJWKSet({ keys: [{ ...jwk, y: jwk.x! }] }),
        onChange: () => undefined,
        close: () => undefined,
      },
      issuer: ISSUER,
      audience: AUDIENCE,
    });
    await expect(verify(await sign())).rejects.toThrow(InvalidTokenError);
  });
});
