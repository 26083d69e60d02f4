import type { Request } from 'express';
import ipaddr from 'ipaddr.js';
import type { HeaderList } from '../header-list';
import { InsufficientScopeError, readBearerToken, TokenMissingError } from './bearer-token';
import { createLoadShedder, type LoadShedder } from './load-shedder';
import { anonymous, unrestricted, type Principal } from './principal';
import { QuotaExceededError, type Allowance, type Quota, type RateLimiter } from './rate-limiter';
import type { VerifyToken } from './token-verifier';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the only way Express offers to extend its request
  namespace Express {
    interface Request {
      /** Who sent it, once it was let in. */
      principal: Principal | undefined;
      /** What its answer tells of its sender's quota, whatever else it says. */
      quotaHeaders: HeaderList | undefined;
      /** Where it counts as being worked on. */
      slot: LoadShedder | undefined;
      /** Whether its handler has not come to an end. */
      isWorkedOn: boolean | undefined;
    }
  }
}

/**
 * Who may call an endpoint. `always`: everybody at any time, for probes. `public`: everybody, within the quota of their
 * address, while there is room. Else whoever has a token with the scope, within their quota, while there is room.
 */
export type Access = 'always' | 'public' | { scope: string };

type Restricted = Exclude<Access, 'always'>;

/** Decides whether a request gets to its endpoint. */
export interface Admission {
  /**
   * Acquires a slot, then checks token, quota and scope; synchronous where nothing has to be awaited. To be called before
   * the body is read.
   *
   * @throws {AppError} what it is answered with instead.
   */
  admit: (req: Request, access: Access) => void | Promise<void>;
  /**
   * Counts the request as being worked on until it is over, or until {@link releaseSlot}. Does nothing where it counts
   * already, and for an endpoint that is `always` there.
   *
   * @throws {OverloadedError} where there is no room.
   */
  acquireSlot: (req: Request, access: Access) => void;
  /** OpenAPI's security requirement: any one of these. Empty if the endpoint takes no token. */
  requirement: (access: Access) => Record<string, string[]>[];
}

/** The name of the security scheme in the OpenAPI document. */
export const BEARER_SCHEME = 'bearerAuth';

/**
 * @param options.verifyToken who is let in; everybody is where it is missing
 * @param options.publicScopes what needs no token
 * @param options.limiter counts GET and HEAD as reads, and the others as writes; nothing is limited without one
 * @param options.maxConcurrent how many writes may be worked on at a time, or four times as many reads
 */
export function createAdmission(
  options: {
    verifyToken?: VerifyToken | undefined;
    publicScopes?: readonly string[];
    limiter?: RateLimiter | undefined;
    maxConcurrent?: number;
  } = {},
): Admission {
  const { verifyToken, publicScopes = [], limiter, maxConcurrent = Infinity } = options;
  const slots = createLoadShedder(maxConcurrent);
  const isOpen = ({ scope }: { scope: string }) => publicScopes.includes(scope);

  const identify = (req: Request, access: Restricted): Principal | Promise<Principal> => {
    if (!verifyToken) return unrestricted;
    if (access === 'public') return anonymous;
    const token = readBearerToken(req.rawHeaders);
    if (token !== undefined) {
      return verifyToken(token, () => {
        releaseSlot(req);
      });
    }
    if (isOpen(access)) return anonymous;
    throw new TokenMissingError();
  };

  /** Counts the request, and goes on if anything is left of the quota. */
  const withinQuota = (
    req: Request,
    quota: Quota | undefined,
    { subject }: Principal,
    goOn: () => void,
  ): void | Promise<void> => {
    const allowance =
      quota &&
      limiter?.take(quota, subject === undefined ? addressKeyOf(req) : `subject ${subject}`);
    if (allowance instanceof Promise) {
      return allowance.then((counted) => {
        applyAllowance(req, counted);
        goOn();
      });
    }
    if (allowance) applyAllowance(req, allowance);
    goOn();
  };

  const admitAs = (req: Request, principal: Principal, access: Restricted) => {
    req.principal = principal;
    return withinQuota(req, limiter && quotaOf(req, limiter), principal, () => {
      if (access === 'public' || isOpen(access) || principal.hasScope(access.scope)) return;
      throw new InsufficientScopeError(access.scope);
    });
  };

  /** A caller without a good token is counted by address, as a reader, which costs nothing but memory. */
  const refuse = (req: Request, error: unknown) =>
    withinQuota(req, limiter?.quotas.reads, anonymous, () => {
      throw error;
    });

  const acquire = (req: Request) => {
    if (req.slot) return;
    slots.acquire(weightOf(req));
    req.slot = slots;
  };

  return {
    admit: (req, access) => {
      if (access === 'always') return;
      acquire(req);
      let principal;
      try {
        principal = identify(req, access);
      } catch (error) {
        return refuse(req, error);
      }
      if (!(principal instanceof Promise)) return admitAs(req, principal, access);
      return principal.then(
        (known) => admitAs(req, known, access),
        (error: unknown) => refuse(req, error),
      );
    },

    acquireSlot: (req, access) => {
      if (access !== 'always') acquire(req);
    },

    requirement: (access) => {
      if (!verifyToken || access === 'always' || access === 'public') return [];
      const token = { [BEARER_SCHEME]: [access.scope] };
      return isOpen(access) ? [{}, token] : [token];
    },
  };
}

/** For a request that is answered, or only waits for others from now on: it no longer counts as being worked on. */
export function releaseSlot(req: Request): void {
  req.slot?.release(weightOf(req));
  req.slot = undefined;
}

/** For a request whose client has left: it counts for as long as somebody works on it all the same. */
export function releaseSlotUnlessWorking(req: Request): void {
  if (!req.isWorkedOn) releaseSlot(req);
}

/** Has a request count until the work on it is done, whether or not its client stays so long. */
export async function keepSlotUntil(req: Request, working: Promise<void>): Promise<void> {
  req.isWorkedOn = true;
  try {
    await working;
  } finally {
    req.isWorkedOn = false;
    releaseSlot(req);
  }
}

function isRead({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD';
}

function quotaOf(req: Request, { quotas }: RateLimiter): Quota {
  return isRead(req) ? quotas.reads : quotas.writes;
}

/** A write takes several statements and a call, a read one statement at most. */
function weightOf(req: Request): number {
  return isRead(req) ? 0.25 : 1;
}

/** @throws {QuotaExceededError} */
function applyAllowance(req: Request, allowance: Allowance): void {
  req.quotaHeaders = quotaHeaders(allowance);
  if (allowance.isExceeded) throw new QuotaExceededError(allowance);
}

/**
 * What stands for a client without a token: the IPv4 address, even where it is mapped into IPv6 (RFC 4291, section
 * 2.5.5.2), or the IPv6 network of 64 bits, the least that one has to itself (RFC 4291, section 2.5.4).
 */
function addressKeyOf(req: Request): string {
  // Some proxies name the port, too.
  const ip = (req.ip ?? '').replace(/^\[?([\d.]+|[\da-f:.]+(?=\]))\]?:\d+$/i, '$1');
  if (!ip.includes(':')) return `address ${ip}`;
  if (!ipaddr.isValid(ip)) return 'address unknown';
  const address = ipaddr.process(ip);
  if (address.kind() === 'ipv4') return `address ${address.toString()}`;
  const network = (address as ipaddr.IPv6).parts.slice(0, 4).map((part) => part.toString(16));
  return `address ${network.join(':')}::/64`;
}

function quotaHeaders({ quota, remaining, resetS }: Allowance): HeaderList {
  const { name, limit, windowS } = quota;
  return [
    ...['RateLimit-Policy', `"${name}";q=${String(limit)};w=${String(windowS)}`],
    ...['RateLimit', `"${name}";r=${String(remaining)};t=${String(resetS)}`],
  ];
}
