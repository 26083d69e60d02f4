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
export { runProcess } from './run';
export { runCommand } from './run-command';
export { StartError, UsageError } from './start-error';
