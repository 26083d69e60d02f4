import type { Request } from 'express';
import ipaddr from 'ipaddr.js';
import type { HeaderList } from '../problem/header-list';
import { InsufficientScopeError, readBearerToken, TokenMissingError } from './bearer-token';
import { createLoadShedder, type LoadShedder } from './load-shedder';
import { anonymous, unrestricted, type Principal } from './principal';
import { QuotaExceededError, type Allowance, type RateLimiter } from './quota';
import type { VerifyToken } from './read-token';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the only way Express offers to extend its request
  namespace Express {
    interface Request {
      /** The caller, once admitted. */
      principal: Principal | undefined;
      /** The rate-limit headers that every response to it carries. */
      quotaHeaders: HeaderList | undefined;
      /** The load shedder in which it holds a slot. */
      slot: LoadShedder | undefined;
      /** Whether its handler is still running. */
      isHandlerRunning: boolean | undefined;
    }
  }
}

/**
 * Access to an endpoint.
 * - `always`: everyone at any time, for probes.
 * - `public`: everyone, within the quota of their address, while there is capacity.
 * - a scope: clients whose token has it, within their quota, while there is capacity.
 */
export type Access = 'always' | 'public' | { scope: string };

type Restricted = Exclude<Access, 'always'>;

/** The name of the security scheme in the OpenAPI document. */
export const BEARER_SCHEME = 'bearerAuth';

/** Decides whether a request gets to its endpoint. */
export type Admission = ReturnType<typeof createAdmission>;

/**
 * @param options.verifyToken if missing, everyone is admitted
 * @param options.publicScopes scopes that need no token
 * @param options.limiter counts GET and HEAD as reads, the rest as writes; if missing, nothing is limited
 * @param options.maxConcurrent how many writes may run at once, or four times as many reads
 */
export function createAdmission(
  options: {
    verifyToken?: VerifyToken | undefined;
    publicScopes?: readonly string[];
    limiter?: RateLimiter | undefined;
    maxConcurrent?: number;
  } = {},
) {
  const { verifyToken, publicScopes = [], limiter, maxConcurrent = Infinity } = options;
  const slots = createLoadShedder(maxConcurrent);
  const isOpen = ({ scope }: { scope: string }) => publicScopes.includes(scope);

  const identify = (req: Request, access: Restricted): Principal | Promise<Principal> => {
    if (!verifyToken) return unrestricted;
    if (access === 'public') return anonymous;
    const token = readBearerToken(req);
    if (token !== undefined) {
      return verifyToken(token, () => {
        releaseSlot(req);
      });
    }
    if (isOpen(access)) return anonymous;
    throw new TokenMissingError();
  };

  /** @throws {QuotaExceededError} */
  const applyQuota = async (req: Request, { subject }: Principal, kind: 'reads' | 'writes') => {
    if (!limiter) return;
    const client = subject === undefined ? addressKeyOf(req) : `subject ${subject}`;
    const allowance = await limiter.take(limiter.quotas[kind], client);
    req.quotaHeaders = quotaHeaders(allowance);
    if (allowance.isExceeded) throw new QuotaExceededError(allowance);
  };

  /**
   * Holds a slot for the request until it ends or {@link releaseSlot} is called. Does nothing if it holds one already,
   * or if the endpoint is `always`.
   *
   * @throws {OverloadedError} if there is no capacity.
   */
  const acquireSlot = (req: Request, access: Access) => {
    if (req.slot || access === 'always') return;
    slots.acquire(weightOf(req));
    req.slot = slots;
  };

  return {
    acquireSlot,

    /**
     * Acquires a slot, then checks token, quota and scope. Call it before the body is read.
     *
     * @throws {AppError} the problem to respond with.
     */
    admit: async (req: Request, access: Access): Promise<void> => {
      if (access === 'always') return;
      acquireSlot(req, access);
      let principal;
      try {
        principal = await identify(req, access);
      } catch (error) {
        // Counts as a read, whatever it is: only the quota for writes waits for the database.
        await applyQuota(req, anonymous, 'reads');
        throw error;
      }
      req.principal = principal;
      await applyQuota(req, principal, isRead(req) ? 'reads' : 'writes');
      if (access === 'public' || isOpen(access) || principal.hasScope(access.scope)) return;
      throw new InsufficientScopeError(access.scope);
    },

    /** OpenAPI's security requirement: any one of these. Empty if the endpoint takes no token. */
    requirement: (access: Access): Record<string, string[]>[] => {
      if (!verifyToken || access === 'always' || access === 'public') return [];
      const token = { [BEARER_SCHEME]: [access.scope] };
      return isOpen(access) ? [{}, token] : [token];
    },
  };
}

/** Releases the slot of a request that has its response, or only has to wait. */
export function releaseSlot(req: Request): void {
  req.slot?.release(weightOf(req));
  req.slot = undefined;
}

/** Keeps the slot until the handler ends, even if the client has disconnected. */
export async function keepSlotUntil(req: Request, handling: Promise<void>): Promise<void> {
  req.isHandlerRunning = true;
  try {
    await handling;
  } finally {
    req.isHandlerRunning = false;
    releaseSlot(req);
  }
}

function isRead({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** A write runs several statements and makes a call; a read runs at most one statement. */
function weightOf(req: Request): number {
  return isRead(req) ? 0.25 : 1;
}

/**
 * Returns the key for a client without a token: the IPv4 address, even when mapped into IPv6 (RFC 4291, section
 * 2.5.5.2), or the /64 network of an IPv6 address, the smallest that one client has (RFC 4291, section 2.5.4).
 */
function addressKeyOf(req: Request): string {
  // Some proxies append the port.
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
