import { promises, type LookupAddress } from 'node:dns';

/** Returns all addresses of a name, IPv4 first, or only the addresses of one family. */
export type ResolveName = (hostname: string, family: 4 | 6 | undefined) => Promise<LookupAddress[]>;

const NAME_SERVER_TIMEOUT_MS = 2000;
const NAME_SERVER_TRIES = 2;

/** The codes of c-ares for a name without such addresses. */
const ABSENT: unknown[] = ['ENODATA', 'ENOTFOUND'];

/**
 * Creates a resolver that asks the name servers itself (c-ares). `dns.lookup` blocks a thread in getaddrinfo: there are
 * few threads, the call cannot be canceled, and names that no server responds for would hold up every other lookup of
 * the process. The price: it asks only name servers, neither `/etc/hosts` nor the search domains of a cluster. It
 * rejects with the code of `node:dns` if neither family has an address.
 *
 * @param options.servers as `Resolver.setServers` takes them, by default the machine's
 * @param options.timeoutMs how long to wait for each, by default 2000; twice that on the second try
 * @param options.tries how often to ask each, by default 2
 */
export function createResolveName(
  options: { servers?: readonly string[]; timeoutMs?: number; tries?: number } = {},
): ResolveName {
  const { servers, timeoutMs = NAME_SERVER_TIMEOUT_MS, tries = NAME_SERVER_TRIES } = options;
  return async (hostname, family) => {
    // A new one each time: after fast responses, c-ares would wait less for a slow name.
    const resolver = new promises.Resolver({ timeout: timeoutMs, tries });
    if (servers) resolver.setServers(servers);
    const results = await Promise.allSettled([
      ...(family === 6 ? [] : [withFamily(4, resolver.resolve4(hostname))]),
      ...(family === 4 ? [] : [withFamily(6, resolver.resolve6(hostname))]),
    ]);
    const addresses = results.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
    if (addresses.length > 0) return addresses;
    const errors = results.flatMap((each): unknown[] =>
      each.status === 'rejected' ? [each.reason] : [],
    );
    throw errors.find((error) => !isAbsent(error)) ?? errors[0];
  };
}

async function withFamily(family: 4 | 6, addresses: Promise<string[]>): Promise<LookupAddress[]> {
  return (await addresses).map((address) => ({ address, family }));
}

function isAbsent(error: unknown): boolean {
  return ABSENT.includes((error as NodeJS.ErrnoException).code);
}
