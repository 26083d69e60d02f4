import { continueTrace } from './trace-context';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const parentId = '00f067aa0ba902b7';

describe('continueTrace', () => {
  it.each([
    ['a version we know', `00-${traceId}-${parentId}-00`, '00'],
    ['a later version with more fields', `cc-${traceId}-${parentId}-01-what-comes`, '01'],
  ])('continues the trace of %s, with a new parent', (_, received, flags) => {
    const sent = continueTrace(received);
    expect(sent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-${flags}$`));
    expect(sent).not.toContain(parentId);
  });

  it.each([
    ['none', undefined],
    ['garbage', 'hello'],
    ['upper case', `00-${traceId.toUpperCase()}-${parentId}-01`],
    ['no trace id', `00-${'0'.repeat(32)}-${parentId}-01`],
    ['no parent id', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['the invalid version', `ff-${traceId}-${parentId}-01`],
    ['too many fields for its version', `00-${traceId}-${parentId}-01-more`],
  ])('starts a new trace for %s', (_, received) => {
    const sent = continueTrace(received);
    expect(sent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(sent).not.toContain(traceId);
    expect(continueTrace(received)).not.toBe(sent);
  });
});
