export { endpoint, type Endpoint } from './endpoint';
export {
  baseUrlVariable,
  ConfigError,
  environment,
  integerVariable,
  jsonFileVariable,
  ratioVariable,
  readEnv,
  serverVariables,
} from './env';
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
export { replyJson } from './reply';
export { runCommand, runProcess } from './run';
export { StartError } from './start-error';
export { serve } from './serve';
export { createServiceApp } from './service-app';
