export { createAdmission, releaseSlot, type Admission } from './admission';
export { InsufficientScopeError } from './bearer-token';
export { loadJose } from './load-jose';
export { type Principal } from './principal';
export {
  createServiceTokenSigner,
  createServiceTokenVerifier,
  type SignServiceToken,
} from './service-token';
export { createTokenVerifier } from './token-verifier';
