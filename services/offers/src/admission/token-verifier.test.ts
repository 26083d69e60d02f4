import { AUDIENCE, createTokenIssuer, ISSUER } from '@loan-buddy/kit/testing';
import { InvalidTokenError, loadJose } from '@loan-buddy/kit/admission';
import { createTokenVerifier } from './token-verifier';

/** A key set that changes on demand and counts its lookups. */
async function setUp() {
  const { jwk, sign } = await createTokenIssuer();
  const { importJWK } = await loadJose();
  let change: () => void = () => undefined;
  const lookups = { count: 0, onLookup: (): void => undefined };
  const keys = {
    getKey: async () => {
      lookups.count += 1;
      lookups.onLookup();
      return importJWK(jwk);
    },
    onChange: (listener: () => void) => (change = listener),
  };
  const verify = createTokenVerifier({ keys, issuer: ISSUER, audience: AUDIENCE });
  return {
    verify,
    lookups,
    change: () => {
      change();
    },
    token: await sign(),
  };
}

describe('createTokenVerifier', () => {
  it('remembers a token until the keys change', async () => {
    const { verify, lookups, change, token } = await setUp();
    await verify(token);
    await verify(token);
    expect(lookups.count).toBe(1);
    change();
    await verify(token);
    expect(lookups.count).toBe(2);
  });

  it('does not remember a token verified with keys that have been replaced meanwhile', async () => {
    const { verify, lookups, change, token } = await setUp();
    lookups.onLookup = change;
    await verify(token);
    lookups.onLookup = () => undefined;
    await verify(token);
    expect(lookups.count).toBe(2);
  });

  it.each([
    ['without a key id', undefined],
    ['with a key id that two keys share', 'key-1'],
  ])('tries each matching key for a token %s', async (_, kid) => {
    const issuers = [await createTokenIssuer(), await createTokenIssuer()];
    const { createLocalJWKSet } = await loadJose();
    const verify = createTokenVerifier({
      keys: {
        getKey: createLocalJWKSet({ keys: issuers.map(({ jwk }) => jwk) }),
        onChange: () => undefined,
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

  it('rejects a token whose key cannot be used', async () => {
    const { sign, jwk } = await createTokenIssuer();
    const { createLocalJWKSet } = await loadJose();
    const verify = createTokenVerifier({
      keys: {
        // This point is not on the curve.
        getKey: createLocalJWKSet({ keys: [{ ...jwk, y: jwk.x! }] }),
        onChange: () => undefined,
      },
      issuer: ISSUER,
      audience: AUDIENCE,
    });
    await expect(verify(await sign())).rejects.toThrow(InvalidTokenError);
  });
});
