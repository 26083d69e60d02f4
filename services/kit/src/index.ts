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
export { createLifecycle, type Lifecycle } from './lifecycle';
export { createLogger, type Logger } from './logger';
export { AppError, kitProblems, type KitProblemCode, type ProblemKind } from './problem';
export { replyJson } from './reply';
export { runProcess } from './run';
export { serve } from './serve';
export { createServiceApp } from './service-app';
