export { JsonTooLargeError, parseBoundedJson } from './bounded-json';
export { endpoint, type Endpoint } from './endpoint';
export {
  baseUrlSchema,
  baseUrlVariable,
  ConfigError,
  environment,
  flagVariable,
  integerVariable,
  jsonFileVariable,
  ratioVariable,
  readEnv,
  serverVariables,
} from './env';
export { ExchangeEndedError } from './exchange';
export { createHttpClient, type HttpClient } from './http-client';
export { type ReadinessDetail } from './health';
export { createLifecycle, type Lifecycle } from './lifecycle';
export { createLogger, type Logger } from './logger';
export {
  AppError,
  kitProblems,
  ValidationError,
  type KitProblemCode,
  type ProblemKind,
} from './problem';
export { ForbiddenAddressError, publicOnly } from './public-address';
export { replyJson, replyRepresentation, represent } from './reply';
export { runCommand, runProcess } from './run';
export { StartError } from './start-error';
export { serve } from './serve';
export { createServiceApp } from './service-app';
export {
  createWebClient,
  UnusableResponseError,
  type WebClient,
  type WebResponse,
} from './web-client';
