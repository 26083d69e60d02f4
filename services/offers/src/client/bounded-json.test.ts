import fc from 'fast-check';
import { parseBoundedJson } from './bounded-json';

const padding = ' '.repeat(70_000);

describe('parseBoundedJson', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseBoundedJson(padding + text, 1e9)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('counts only what is outside strings', () => {
    const text = JSON.stringify({ a: ['[{:,"\\', '\\"', 'x\\\\'], b: '['.repeat(1000) }) + padding;
    // { : [ , , , :
    expect(parseBoundedJson(text, 7)).toHaveProperty('b');
    expect(() => parseBoundedJson(text, 6)).toThrow(
      expect.objectContaining({ code: 'json-too-large' }) as Error,
    );
  });

  it.each([
    ['nested lists', '['.repeat(2_000_000)],
    ['small objects', `[${'{},'.repeat(1_000_000)}{}]`],
    ['many keys', `{${'"k":0,'.repeat(500_000)}"k":0}`],
  ])('refuses %s without parsing them', (_, text) => {
    expect(() => parseBoundedJson(text, 200_000)).toThrow(/over 200000 values/);
  });

  it.each([`"${padding}`, `{"a":"${padding}\\`, `${padding}{`])(
    'refuses a truncated text',
    (text) => {
      expect(() => parseBoundedJson(text, 1e9)).toThrow(SyntaxError);
    },
  );
});
