// The compiler writes Access into the declarations of the services' contexts.
// ts-unused-exports:disable-next-line
export { createAdmission, releaseSlot, type Access, type Admission } from './admission';
export { InsufficientScopeError, InvalidTokenError } from './bearer-token';
export { loadJose, type Jose } from './load-jose';
export { type Principal } from './principal';
export { QuotaExceededError, type Allowance, type RateLimiter } from './quota';
export { CLOCK_SKEW_S, principalFromClaims, readToken, type VerifyToken } from './read-token';
export { createServiceTokenSigner, createServiceTokenVerifier } from './service-token';
