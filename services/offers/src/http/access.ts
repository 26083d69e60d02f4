import { InsufficientScopeError, type Principal } from '@loan-buddy/kit/admission';

/** Scopes that a user's token can grant. */
export const readOffers = { scope: 'offers:read' };
/** For the user's own orders: see {@link mayActFor}. */
export const readOrders = { scope: 'orders:read' };
export const writeOrders = { scope: 'orders:write' };
/** For the orders of all users, and failed orders. */
export const administerOrders = { scope: 'orders:admin' };
export const manageWebhooks = { scope: 'webhooks:manage' };

/** Whether the caller may read and make a user's orders: their own, or with the admin scope anyone's. */
export function mayActFor({ subject, hasScope }: Principal, userId: string): boolean {
  return subject === userId || hasScope(administerOrders.scope);
}

/** @throws {InsufficientScopeError} if {@link mayActFor} returns false. */
export function requireMayActFor(caller: Principal, userId: string): void {
  if (mayActFor(caller, userId)) return;
  throw new InsufficientScopeError(
    administerOrders.scope,
    'The user_id is not the subject of the token.',
  );
}
