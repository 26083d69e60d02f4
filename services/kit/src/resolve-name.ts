import { promises, type LookupAddress } from 'node:dns';

/** Gives all addresses of a name, IPv4 first; of one family alone where that is asked for. */
export type ResolveName = (hostname: string, family: 4 | 6 | undefined) => Promise<LookupAddress[]>;

const NAME_SERVER_TIMEOUT_MS = 2000;
const NAME_SERVER_TRIES = 2;

/** What c-ares says of a name that has no such addresses. */
const ABSENT: unknown[] = ['ENODATA', 'ENOTFOUND'];

/**
 * Creates what asks the name servers itself (c-ares), where `dns.lookup` has a thread wait for getaddrinfo: there are few,
 * nothing takes one back, and names that nobody answers for would hold up every other lookup of the process. The price: only
 * name servers are asked, neither `/etc/hosts` nor the search domains of a cluster. It rejects with the code of `node:dns`
 * if neither family has an address.
 *
 * @param options.servers as `Resolver.setServers` takes them; those of the machine by default
 * @param options.timeoutMs how long to wait for one of them, 2000 by default; on the second try twice that
 * @param options.tries how often each is asked, 2 by default
 */
export function createResolveName(
  options: { servers?: readonly string[]; timeoutMs?: number; tries?: number } = {},
): ResolveName {
  const { servers, timeoutMs = NAME_SERVER_TIMEOUT_MS, tries = NAME_SERVER_TRIES } = options;
  return async (hostname, family) => {
    // A new one each time: c-ares would wait less for a slow name after quick ones.
    const resolver = new promises.Resolver({ timeout: timeoutMs, tries });
    if (servers) resolver.setServers(servers);
    const answers = await Promise.allSettled([
      ...(family === 6 ? [] : [withFamily(4, resolver.resolve4(hostname))]),
      ...(family === 4 ? [] : [withFamily(6, resolver.resolve6(hostname))]),
    ]);
    const addresses = answers.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
    if (addresses.length > 0) return addresses;
    const errors = answers.flatMap((each): unknown[] =>
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
