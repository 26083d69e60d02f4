/** Header names and values in turn, as `writeHead` takes them: the cheapest form Node knows. */
export type HeaderList = readonly string[];
