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

/** The name of the security scheme in the OpenAPI document. */
export const BEARER_SCHEME = 'bearerAuth';

/** Decides whether a request gets to its endpoint. */
export type Admission = ReturnType<typeof createAdmission>;

export function createAdmission(
  options: {
    /** If missing, everyone is admitted. */
    verifyToken?: VerifyToken | undefined;
    /** Scopes that need no token. */
    publicScopes?: readonly string[];
    limiter?: RateLimiter | undefined;
    /** How many writes may run at once, or four times as many reads. */
    maxConcurrent?: number;
  } = {},
) {
  const { verifyToken, publicScopes = [], limiter, maxConcurrent = Infinity } = options;
  const slots = createLoadShedder(maxConcurrent);
  const isOpen = ({ scope }: { scope: string }) => publicScopes.includes(scope);

  const identify = (
    req: Request,
    access: Exclude<Access, 'always'>,
  ): Principal | Promise<Principal> => {
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
    const allowance: Allowance = await limiter.take(limiter.quotas[kind], client);
    const { quota, remaining, resetS, isExceeded } = allowance;
    const { name, limit, windowS } = quota;
    req.quotaHeaders = [
      ...['RateLimit-Policy', `"${name}";q=${String(limit)};w=${String(windowS)}`],
      ...['RateLimit', `"${name}";r=${String(remaining)};t=${String(resetS)}`],
    ];
    if (isExceeded) throw new QuotaExceededError(allowance);
  };

  /** @throws {OverloadedError} if there is no capacity. */
  const acquireSlot = (req: Request, access: Access) => {
    if (req.slot || access === 'always') return;
    slots.acquire(weightOf(req));
    req.slot = slots;
  };

  return {
    acquireSlot,

    /**
     * Acquires a slot, then checks token, quota and scope.
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

/** Returns the IPv4 address, even when mapped into IPv6, or the /64 network, the smallest that one client has (RFC 4291). */
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
