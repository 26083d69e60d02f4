export { createAdmission, releaseSlot, type Admission } from './admission/admission';
export { InsufficientScopeError } from './admission/bearer-token';
export { createKeySet } from './admission/key-set';
export { loadJose } from './admission/load-jose';
export { type Principal } from './admission/principal';
export { createRateLimiter, type AddUsage } from './admission/rate-limiter';
export {
  createServiceTokenSigner,
  createServiceTokenVerifier,
  type SignServiceToken,
} from './admission/service-token';
export { createTokenVerifier } from './admission/token-verifier';
export { JsonTooLargeError, parseBoundedJson } from './bounded-json';
export { endpoint, type Endpoint, type Tag } from './endpoint';
export {
  baseUrlSchema,
  baseUrlVariable,
  ConfigError,
  environment,
  flagVariable,
  integerVariable,
  jsonFileVariable,
  messageBusVariables,
  ratioVariable,
  readEnv,
  serverVariables,
  topicVariable,
} from './env';
export { createPublishEvent, readEvent, type PublishEvent } from './cloud-events';
export { ExchangeEndedError } from './exchange';
export { createHttpClient, type HttpClient } from './http-client';
export { type ReadinessDetail } from './health';
export { createLifecycle, type Lifecycle } from './lifecycle';
export { createLogger, type Logger } from './logger';
export { type GaugeSource } from './metrics';
export {
  AppError,
  kitProblems,
  ValidationError,
  type KitProblemCode,
  type ProblemKind,
} from './problem';
export { type Webhook } from './openapi';
export { openEventStream } from './event-stream';
export { createJobWorker } from './job-worker';
export { createPoller, type Poller } from './poller';
export { readPreferences, type Preferences } from './prefer';
export { ForbiddenAddressError, publicOnly } from './public-address';
export { replyEmpty, replyJson, replyRepresentation, represent, signalOf } from './reply';
export { readRetryAfter } from './retry-after';
export { runProcess } from './run';
export { runCommand } from './run-command';
export { StartError, UsageError } from './start-error';
export { serve } from './serve';
export { createServiceApp } from './service-app';
export { continueTrace } from './trace-context';
export { createWebClient, UnusableResponseError, type WebClient } from './web-client';
