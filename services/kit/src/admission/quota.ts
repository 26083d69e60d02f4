import { AppError } from '../problem/app-error';

/** How much one client may do in each window (draft-ietf-httpapi-ratelimit-headers-10). */
export interface Quota {
  name: string;
  limit: number;
  windowS: number;
  /** Whether the limit is exact across replicas: each request then waits until it is counted. */
  exact: boolean;
}

/** What is left of a quota after a request. */
export interface Allowance {
  quota: Quota;
  isExceeded: boolean;
  remaining: number;
  /** Seconds until the next window. */
  resetS: number;
}

export interface RateLimiter {
  quotas: Readonly<Record<'reads' | 'writes', Quota>>;
  /** Counts a request of a client. Stops counting once the quota is used up. */
  take: (quota: Quota, client: string) => Allowance | Promise<Allowance>;
  /** Shares the counts that are not shared yet; tries only once. */
  close: () => Promise<void>;
}

/** The client has used up a quota. The draft defines the problem type. */
export class QuotaExceededError extends AppError {
  readonly code = 'quota-exceeded';
  override readonly denied = true;

  constructor({ quota, resetS }: Allowance) {
    super(`The quota is ${String(quota.limit)} ${quota.name} per ${String(quota.windowS)} s.`, {
      retryAfterSeconds: resetS,
      members: { 'violated-policies': [quota.name] },
    });
  }
}
