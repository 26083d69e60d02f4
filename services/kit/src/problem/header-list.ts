/** Header names and values in turn, as `writeHead` takes them: the cheapest form in Node.js. */
export type HeaderList = readonly string[];
