import { InsufficientScopeError, type Principal } from '@loan-buddy/kit';

/** What the tokens of users may allow. */
export const readOffers = { scope: 'offers:read' };
/** Their own orders: see {@link mayActFor}. */
export const readOrders = { scope: 'orders:read' };
export const writeOrders = { scope: 'orders:write' };
/** Everybody's orders, and those that failed. */
export const administerOrders = { scope: 'orders:admin' };
export const manageWebhooks = { scope: 'webhooks:manage' };

/** Whether a caller may read and make the orders of a user: their own, and an administrator everybody's. */
export function mayActFor({ subject, hasScope }: Principal, userId: string): boolean {
  return subject === userId || hasScope(administerOrders.scope);
}

/** @throws {InsufficientScopeError} where {@link mayActFor} says no. */
export function requireMayActFor(caller: Principal, userId: string): void {
  if (mayActFor(caller, userId)) return;
  throw new InsufficientScopeError(
    administerOrders.scope,
    'The user_id is not the subject of the token.',
  );
}
