import { AUDIENCE, createTokenIssuer, ISSUER } from '../../testing';
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
});
