import { promises, type LookupAddress } from 'node:dns';

/** Returns all addresses of a name, IPv4 first, or only the addresses of one family. */
export type ResolveName = (hostname: string, family: 4 | 6 | undefined) => Promise<LookupAddress[]>;

/** The codes of c-ares for a name without such addresses. */
const ABSENT: unknown[] = ['ENODATA', 'ENOTFOUND'];

/**
 * Creates a resolver that asks the name servers itself (c-ares). `dns.lookup` blocks a thread in getaddrinfo: there are
 * few threads, and names whose servers do not respond would hold up every other lookup of the process. The price: it
 * asks only name servers, neither `/etc/hosts` nor the search domains of a cluster. Rejects with the code of `node:dns`.
 *
 * @param options.servers as `Resolver.setServers` takes them, by default the machine's
 * @param options.timeoutMs how long to wait for each server on the first of `tries`; twice that on the second
 */
export function createResolveName(
  options: { servers?: readonly string[]; timeoutMs?: number; tries?: number } = {},
): ResolveName {
  const { servers, timeoutMs = 2000, tries = 2 } = options;
  return async (hostname, family) => {
    // A new one each time: after fast responses, c-ares would wait less for a slow name.
    const resolver = new promises.Resolver({ timeout: timeoutMs, tries });
    if (servers) resolver.setServers(servers);
    const families = ([4, 6] as const).filter((each) => family === undefined || family === each);
    const results = await Promise.allSettled(
      families.map(async (each) => {
        const found = each === 4 ? resolver.resolve4(hostname) : resolver.resolve6(hostname);
        return (await found).map((address) => ({ address, family: each }));
      }),
    );
    const addresses = results.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
    if (addresses.length > 0) return addresses;
    const errors = results.map(
      (each) => (each as PromiseRejectedResult).reason as NodeJS.ErrnoException,
    );
    throw errors.find(({ code }) => !ABSENT.includes(code)) ?? errors[0]!;
  };
}
