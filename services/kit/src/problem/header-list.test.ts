import { headerLines } from './header-list';

describe('headerLines', () => {
  it('finds all lines of a header in any case, also beyond the thousandth', () => {
    const many = Array<string>(2000).fill('a');
    const req = { rawHeaders: ['Host', 'x', ...many, 'hOST', 'y', 'Hosts', 'z'] };
    expect(headerLines(req, 'host')).toEqual(['x', 'y']);
    expect(headerLines(req, 'prefer')).toEqual([]);
  });
});
