import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { createResolveName, type ResolveName } from './resolve-name';

/** The address is not on the public internet, so URLs from outside must not lead there. */
export class ForbiddenAddressError extends Error {
  readonly code = 'forbidden-address';
  override readonly name = 'ForbiddenAddressError';
}

/**
 * Whether an IP address is a single host of the public internet, outside of all reserved ranges (the IANA
 * special-purpose registries, RFC 6890). IPv4 within IPv6 counts as IPv4.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  // Only this part of IPv6 is allocated (RFC 4291, section 2.4): ::7f00:1 is not a public host.
  return parsed.kind() === 'ipv4' || parsed.match(ipaddr.parseCIDR('2000::/3'));
}

/** Accepts a host name: {@link createPublicLookup} checks what it resolves to when connecting. */
export function requirePublicUrl({ protocol, hostname }: URL): void {
  if (protocol !== 'https:') throw new ForbiddenAddressError('only https URLs are allowed');
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw forbidden(host);
}

/** Creates a lookup for `net.connect` that fails if any address of the name is not public. */
export function createPublicLookup(resolveName: ResolveName): LookupFunction {
  const resolvePublic = async (hostname: string, family: 4 | 6 | undefined) => {
    // Always this machine (RFC 6761, section 6.3), so skip the name servers.
    if (/(^|\.)localhost\.?$/i.test(hostname)) throw forbidden(hostname);
    const addresses = await resolveName(hostname, family);
    if (addresses.every(({ address }) => isPublicAddress(address))) return addresses;
    throw forbidden(hostname);
  };
  return (hostname, { all, family }, callback) => {
    const wanted = ([4, 6] as const).find(
      (each) => family === each || family === `IPv${String(each)}`,
    );
    resolvePublic(hostname, wanted).then(
      (addresses) => {
        if (all) callback(null, addresses);
        else callback(null, addresses[0]!.address, addresses[0]!.family);
      },
      (error: unknown) => {
        callback(error as NodeJS.ErrnoException, '');
      },
    );
  };
}

/** Allows only public addresses over https. Both checks fail with a {@link ForbiddenAddressError}. */
export const publicOnly = {
  requireAllowed: requirePublicUrl,
  lookup: createPublicLookup(createResolveName()),
};

export type AddressGuard = typeof publicOnly;

function forbidden(host: string): ForbiddenAddressError {
  return new ForbiddenAddressError(`${host} is not a public address`);
}
