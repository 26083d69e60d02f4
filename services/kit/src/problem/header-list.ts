/**
 * Header names and values in turn, as `writeHead` takes them. Saves 14 % of the CPU of GET /offers against `setHeader`;
 * see docs/performance.md.
 */
export type HeaderList = readonly string[];
