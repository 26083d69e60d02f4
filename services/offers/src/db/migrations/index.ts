import type { Migration } from 'kysely';
import { orders } from './0001-orders';
import { idempotencyKeys } from './0002-idempotency-keys';
import { orderTerms } from './0003-order-terms';
import { orderEvents } from './0004-order-events';
import { notification } from './0005-notification';
import { rateLimitUsage } from './0006-rate-limit-usage';
import { decisionRequests } from './0007-decision-requests';
import { notificationRetention } from './0008-notification-retention';
import { eventRetention } from './0009-event-retention';
import { wideRateLimits } from './0010-wide-rate-limits';
import { batchedEvents } from './0011-batched-events';
import { plansByKey } from './0012-plans-by-key';

/** All schema changes, in the order of their names. Never edit a released one; add another. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-orders': orders,
  '0002-idempotency-keys': idempotencyKeys,
  '0003-order-terms': orderTerms,
  '0004-order-events': orderEvents,
  '0005-notification': notification,
  '0006-rate-limit-usage': rateLimitUsage,
  '0007-decision-requests': decisionRequests,
  '0008-notification-retention': notificationRetention,
  '0009-event-retention': eventRetention,
  '0010-wide-rate-limits': wideRateLimits,
  '0011-batched-events': batchedEvents,
  '0012-plans-by-key': plansByKey,
};
