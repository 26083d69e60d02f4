import { kitProblems, type KitProblemCode, type ProblemKind } from '@loan-buddy/kit/problem';
import type { DatabaseUnavailableError } from '../db/unavailable';
import type { ProviderUnavailableError } from '../catalogue/find-offer';
import type { UnknownLoanError } from '../orders/checkout';
import type { KeyReusedError, RequestInFlightError } from '../orders/idempotent-checkout';
import type { NotFailedError } from './failed-orders';
import type { OfferNotFoundError } from './get-offer';
import type { OffersUnavailableError } from './get-offers';
import type { TooManyStreamsError } from './get-order-events';
import type { OrderNotFoundError } from './get-order';
import type { DeliveryNotFoundError, ReceiverDisabledError } from './webhook-deliveries';
import type { ReceiverNotFoundError, TooManyReceiversError } from './webhook-receivers';

type ProblemCode =
  | KitProblemCode
  | OfferNotFoundError['code']
  | OffersUnavailableError['code']
  | OrderNotFoundError['code']
  | DatabaseUnavailableError['code']
  | DeliveryNotFoundError['code']
  | ReceiverDisabledError['code']
  | ReceiverNotFoundError['code']
  | TooManyReceiversError['code']
  | TooManyStreamsError['code']
  | KeyReusedError['code']
  | NotFailedError['code']
  | ProviderUnavailableError['code']
  | RequestInFlightError['code']
  | UnknownLoanError['code'];

/** The status and title of each error of this service. */
export const problems = {
  ...kitProblems,
  'offer-not-found': { status: 404, title: 'Offer not found' },
  'order-not-found': { status: 404, title: 'Order not found' },
  'too-many-streams': { status: 429, title: 'Too many open streams' },
  'unknown-loan': { status: 422, title: 'Unknown loan' },
  'order-not-failed': { status: 409, title: 'The order has not failed' },
  'webhook-endpoint-not-found': { status: 404, title: 'Receiver not found' },
  'webhook-delivery-not-found': { status: 404, title: 'Delivery not found' },
  'webhook-endpoint-disabled': { status: 409, title: 'Receiver disabled' },
  'too-many-webhook-endpoints': { status: 409, title: 'Too many receivers' },
  'request-in-flight': { status: 409, title: 'Request in progress' },
  'idempotency-key-reused': { status: 422, title: 'Idempotency key already used' },
  'database-unavailable': {
    status: 503,
    title: 'Orders are temporarily unavailable',
    detail:
      'The database does not respond. Try again, with the same Idempotency-Key if you sent one.',
  },
  'provider-unavailable': {
    status: 503,
    title: 'The provider of this offer is unavailable',
    detail:
      'The provider did not respond, so it is unknown whether this offer exists. Nothing was ordered; try again.',
  },
  'offers-unavailable': {
    status: 503,
    title: 'No provider responded',
    detail: 'No provider returned its offers in time; see missing. Try again.',
  },
} satisfies Record<ProblemCode, ProblemKind>;
