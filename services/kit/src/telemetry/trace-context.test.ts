import { formatTraceparent, parseTraceparent } from './trace-context';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentId = '00f067aa0ba902b7';

describe('parseTraceparent', () => {
  it.each([
    ['a version we know', `00-${traceId}-${parentId}-00`, '00'],
    ['a later version with more fields', `cc-${traceId}-${parentId}-01-what-comes`, '01'],
    ['a flag we do not know', `00-${traceId}-${parentId}-03`, '03'],
  ])('reads the trace, its parent and its flags from %s', (_, received, flags) => {
    expect(formatTraceparent(parseTraceparent(received)!)).toBe(
      `00-${traceId}-${parentId}-${flags}`,
    );
  });

  it.each([
    ['none', undefined],
    ['null', null],
    ['garbage', 'hello'],
    ['upper case', `00-${traceId.toUpperCase()}-${parentId}-01`],
    ['no trace id', `00-${'0'.repeat(32)}-${parentId}-01`],
    ['no parent id', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['the invalid version', `ff-${traceId}-${parentId}-01`],
    ['too many fields for its version', `00-${traceId}-${parentId}-01-more`],
  ])('returns undefined for %s', (_, received) => {
    expect(parseTraceparent(received)).toBeUndefined();
  });
});
