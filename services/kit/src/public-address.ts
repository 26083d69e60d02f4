import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

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
 * it resolves to is for {@link lookupPublic} to say, at the moment of connecting.
 *
 * @throws {ForbiddenAddressError}
 */
export function requirePublicUrl({ protocol, hostname }: URL): void {
  if (protocol !== 'https:') throw new ForbiddenAddressError('only https is spoken to strangers');
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw forbidden(host);
}

/** Resolves a name as `net.connect` wants it done, and fails if any of its addresses is not public. */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) {
      callback(error, '');
      return;
    }
    const refused = addresses.find(({ address }) => !isPublicAddress(address));
    if (refused) callback(forbidden(hostname), '');
    else if (options.all) callback(null, addresses);
    else callback(null, addresses[0]!.address, addresses[0]!.family);
  });
};

/** Decides who may be spoken to: by the URL before connecting, and by what its host resolves to. */
export interface AddressGuard {
  /** @throws {ForbiddenAddressError} */
  requireAllowed: (url: URL) => void;
  lookup: LookupFunction;
}

/** Lets nobody through but public addresses over https. */
export const publicOnly: AddressGuard = { requireAllowed: requirePublicUrl, lookup: lookupPublic };

function forbidden(host: string): ForbiddenAddressError {
  return new ForbiddenAddressError(`${host} is not a public address`);
}
