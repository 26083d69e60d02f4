import { kitProblems, type KitProblemCode, type ProblemKind } from '@loan-buddy/kit/problem';
import type { DatabaseUnavailableError } from '../db/unavailable';
import type { ProviderUnavailableError } from '../catalogue/find-offer';
import type { UnknownLoanError } from '../orders/checkout';
import type { KeyReusedError, RequestInFlightError } from '../orders/idempotent-checkout';
import type { NotFailedError } from './failed-orders';
import type { OfferNotFoundError } from './get-offer';
import type { OffersUnavailableError } from './get-offers';
import type { TooManyStreamsError } from './get-order-events';
import type { OrderNotFoundError } from './order-not-found';
import type { DeliveryNotFoundError, EndpointDisabledError } from './webhook-deliveries';
import type { EndpointNotFoundError, TooManyEndpointsError } from './webhook-receivers';

type ProblemCode =
  | KitProblemCode
  | OfferNotFoundError['code']
  | OffersUnavailableError['code']
  | OrderNotFoundError['code']
  | DatabaseUnavailableError['code']
  | DeliveryNotFoundError['code']
  | EndpointDisabledError['code']
  | EndpointNotFoundError['code']
  | TooManyEndpointsError['code']
  | TooManyStreamsError['code']
  | KeyReusedError['code']
  | NotFailedError['code']
  | ProviderUnavailableError['code']
  | RequestInFlightError['code']
  | UnknownLoanError['code'];

/** The status and title of each error of this service. */
export const problems = {
  ...kitProblems,
  'offer-not-found': { status: 404, title: 'There is no such offer' },
  'order-not-found': { status: 404, title: 'There is no such order' },
  'too-many-streams': { status: 429, title: 'Too many streams at once' },
  'unknown-loan': { status: 422, title: 'There is no such loan' },
  'order-not-failed': { status: 409, title: 'The order has not failed' },
  'webhook-endpoint-not-found': { status: 404, title: 'There is no such endpoint' },
  'webhook-delivery-not-found': { status: 404, title: 'There is no such delivery' },
  'webhook-endpoint-disabled': { status: 409, title: 'The endpoint is disabled' },
  'too-many-webhook-endpoints': { status: 409, title: 'There are too many endpoints' },
  'request-in-flight': { status: 409, title: 'The request is being worked on' },
  'idempotency-key-reused': { status: 422, title: 'The key belongs to another request' },
  'database-unavailable': {
    status: 503,
    title: 'Orders cannot be read or written now',
    detail:
      'The database does not answer. Try again, with the same Idempotency-Key if you sent one.',
  },
  'provider-unavailable': {
    status: 503,
    title: 'The provider of this offer does not answer',
    detail: 'Whether this offer exists cannot be told right now. Nothing was ordered; try again.',
  },
  'offers-unavailable': {
    status: 503,
    title: 'No provider answers',
    detail: 'None of the providers gave its offers in time; see missing. Try again.',
  },
} satisfies Record<ProblemCode, ProblemKind>;
