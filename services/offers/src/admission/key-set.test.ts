import {
  allButIntervals,
  allButTimeouts,
  eventLoopTurns,
  recordingLogger,
  until,
} from '../../../kit/testing';
import { createKeySet, KeysUnavailableError } from './key-set';
import { loadJose } from '@loan-buddy/kit/admission';

async function aKey(kid: string) {
  const { generateKeyPair, exportJWK } = await loadJose();
  const { publicKey } = await generateKeyPair('ES256', { extractable: true });
  return { ...(await exportJWK(publicKey)), kid, alg: 'ES256' };
}

const open: { close: () => void }[] = [];
afterEach(() => {
  for (const { close } of open.splice(0)) close();
});

/** A key set that reads `source.text`, or fails with it if it is an error. */
function aKeySet(
  text: string | Error,
  times: { refreshMs?: number; cooldownMs?: number | undefined } = {},
) {
  const { cooldownMs, ...given } = { cooldownMs: 0, ...times };
  const source = { text, reads: 0 };
  const { logger, lines } = recordingLogger();
  const keys = createKeySet({
    readText: () => {
      source.reads += 1;
      return source.text instanceof Error
        ? Promise.reject(source.text)
        : Promise.resolve(source.text);
    },
    refreshMs: 60_000,
    ...given,
    ...(cooldownMs !== undefined && { cooldownMs }),
    logger,
  });
  open.push(keys);
  const get = (kid: string) =>
    Promise.resolve(keys.getKey({ alg: 'ES256', kid }, { payload: '', signature: '' }));
  return { ...keys, get, source, lines };
}

const setOf = async (...kids: string[]) =>
  JSON.stringify({ keys: await Promise.all(kids.map(aKey)) });

beforeEach(() => jest.useFakeTimers({ doNotFake: allButIntervals }));
afterEach(() => jest.useRealTimers());

describe('createKeySet', () => {
  it('finds the key that a token names, even one added later', async () => {
    const { get, source } = aKeySet(await setOf('old'));
    await expect(get('old')).resolves.toBeDefined();
    source.text = await setOf('old', 'new');
    await expect(get('new')).resolves.toBeDefined();
    await expect(get('none')).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  });

  it('skips a byte order mark', async () => {
    const { get } = aKeySet(`\uFEFF${await setOf('a')}`);
    await expect(get('a')).resolves.toBeDefined();
  });

  it('reads the set again for unknown keys, at most once in 10 s', async () => {
    let now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    const { get, source } = aKeySet(await setOf('a'), { cooldownMs: undefined });
    await get('a');
    const none = { code: 'ERR_JWKS_NO_MATCHING_KEY' };
    for (const [at, reads] of [
      [0, 2],
      [9999, 2],
      [10_000, 3],
      [19_999, 3],
      [20_000, 4],
    ] as const) {
      now = at;
      for (const kid of ['x', 'y']) await expect(get(kid)).rejects.toMatchObject(none);
      expect([at, source.reads]).toEqual([at, reads]);
    }
  });

  it('reads once at a time, so that no older response replaces a newer one', async () => {
    const responses: ((text: string) => void)[] = [];
    const keys = createKeySet({
      readText: () => new Promise((resolve) => responses.push(resolve)),
      refreshMs: 5,
      cooldownMs: 0,
      logger: recordingLogger().logger,
    });
    open.push(keys);
    const get = async (kid: string) =>
      keys.getKey({ alg: 'ES256', kid }, { payload: '', signature: '' });
    const got = [get('a'), get('a')];
    jest.advanceTimersByTime(50);
    await eventLoopTurns();
    expect(responses).toHaveLength(1);
    responses[0]!(await setOf('a'));
    await expect(Promise.all(got)).resolves.toHaveLength(2);
  });

  it('reads periodically and reports changes', async () => {
    const { get, onChange, source } = aKeySet(await setOf('a'), { refreshMs: 10 });
    const changed = jest.fn();
    await get('a');
    onChange(changed);
    jest.advanceTimersByTime(10);
    await eventLoopTurns();
    expect(source.reads).toBe(2);
    expect(changed).not.toHaveBeenCalled();
    source.text = await setOf('b');
    jest.advanceTimersByTime(10);
    await until(() => changed.mock.calls.length > 0);
    expect(changed).toHaveBeenCalledTimes(1);
    await expect(get('a')).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
  });

  it('keeps its keys while it cannot read new ones', async () => {
    const { get, source, lines } = aKeySet(await setOf('a'), { refreshMs: 10 });
    await get('a');
    source.text = new Error('down');
    jest.advanceTimersByTime(10);
    await until(() => lines.some(({ msg }) => msg === 'token keys cannot be read'));
    await expect(get('a')).resolves.toBeDefined();
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'token keys cannot be read' }));
    // This could be a new key.
    await expect(get('b')).rejects.toThrow(KeysUnavailableError);
  });

  it.each([
    ['an error', new Error('down')],
    ['not JSON', '<html>'],
    ['not a key set', '{"keys":{}}'],
    ['no usable key', '{"keys":[{}]}'],
    ['no key', '{"keys":[]}'],
  ])('rejects until it has keys: %s', async (_, text) => {
    const { get, source } = aKeySet(text);
    await expect(get('a')).rejects.toThrow(KeysUnavailableError);
    source.text = await setOf('a');
    await expect(get('a')).resolves.toBeDefined();
  });

  it('forgets its keys when none of a new set is usable', async () => {
    const { get, source, lines } = aKeySet(await setOf('a'), { refreshMs: 10 });
    await get('a');
    source.text = '{"keys":[{"kty":"oct","k":"AAAA","kid":"a"}]}';
    jest.advanceTimersByTime(10);
    await until(() => lines.some(({ msg }) => msg === 'token keys cannot be read'));
    await expect(get('a')).rejects.toThrow(KeysUnavailableError);
  });

  it('retries soon until it has keys, logs each reason once, and stays ready after', async () => {
    jest.useFakeTimers({ doNotFake: allButTimeouts.filter((name) => name !== 'setInterval') });
    const { source, lines, isReady, state } = aKeySet(new Error('down'));
    const reads = async (count: number) => {
      await eventLoopTurns();
      expect(source.reads).toBe(count);
    };
    await reads(1);
    expect([isReady(), state()]).toEqual([false, 'cannot be read: down']);
    for (const [pauseMs, count] of [
      [1000, 2],
      [2000, 3],
      [4000, 4],
    ] as const) {
      if (count === 3)
        source.text = Object.assign(new Error('at 10.0.0.1'), { code: 'ECONNRESET' });
      jest.advanceTimersByTime(pauseMs - 1);
      await reads(count - 1);
      jest.advanceTimersByTime(1);
      await reads(count);
    }
    expect(state()).toBe('cannot be read: ECONNRESET');
    const { length } = lines.filter(({ msg }) => msg === 'token keys cannot be read');
    expect(length).toBe(2);
    source.text = await setOf('a');
    jest.advanceTimersByTime(8000);
    await until(isReady);
    expect(state()).toBe('ok');
    source.text = new Error('down');
    jest.advanceTimersByTime(60_000);
    await until(() => state() === 'cannot be read: down');
    expect(isReady()).toBe(true);
  });
});
