import type { LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { createResolveName, type ResolveName } from './resolve-name';

/** The address is not one of the public internet, and nothing here may be asked for on a stranger's word. */
export class ForbiddenAddressError extends Error {
  readonly code = 'forbidden-address';
  override readonly name = 'ForbiddenAddressError';
}

/**
 * Whether an IP address is a single host of the public internet: not this machine, a private network, a link, a cloud's
 * metadata server, or a reserved range (the IANA special-purpose registries, RFC 6890). IPv4 within IPv6 counts as IPv4.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  // Of IPv6, only this much is given out (RFC 4291, section 2.4): ::7f00:1 is no stranger.
  return parsed.kind() === 'ipv4' || parsed.match(ipaddr.parseCIDR('2000::/3'));
}

/**
 * Refuses a URL that is not https, or whose host is an address that is not public. A host that is a name passes: what
 * it resolves to is for {@link createPublicLookup} to say, at the moment of connecting.
 *
 * @throws {ForbiddenAddressError}
 */
export function requirePublicUrl({ protocol, hostname }: URL): void {
  if (protocol !== 'https:') throw new ForbiddenAddressError('only https is spoken to strangers');
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw forbidden(host);
}

/**
 * Creates what resolves a name as `net.connect` wants it done, and fails if any of its addresses is not public.
 *
 * @param resolveName what no stranger's name server can hold up; that of {@link createResolveName}
 */
export function createPublicLookup(resolveName: ResolveName): LookupFunction {
  const resolvePublic = async (hostname: string, family: 4 | 6 | undefined) => {
    // Always this machine (RFC 6761, section 6.3), and no question for a name server.
    if (/(^|\.)localhost\.?$/i.test(hostname)) throw forbidden(hostname);
    const addresses = await resolveName(hostname, family);
    if (addresses.every(({ address }) => isPublicAddress(address))) return addresses;
    throw forbidden(hostname);
  };
  return (hostname, { all, family }, callback) => {
    resolvePublic(hostname, familyOf(family)).then(
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

/** Decides who may be spoken to: by the URL before connecting, and by what its host resolves to. */
export interface AddressGuard {
  /** @throws {ForbiddenAddressError} */
  requireAllowed: (url: URL) => void;
  lookup: LookupFunction;
}

/** Lets nobody through but public addresses over https. */
export const publicOnly: AddressGuard = {
  requireAllowed: requirePublicUrl,
  lookup: createPublicLookup(createResolveName()),
};

function familyOf(family: LookupOptions['family']): 4 | 6 | undefined {
  if (family === 4 || family === 'IPv4') return 4;
  return family === 6 || family === 'IPv6' ? 6 : undefined;
}

function forbidden(host: string): ForbiddenAddressError {
  return new ForbiddenAddressError(`${host} is not a public address`);
}
