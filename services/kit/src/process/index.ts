export { flagVariable, integerVariable, ratioVariable, readEnv } from './env';
export { runProcess } from './run';
export { readServiceArguments, runCommand } from './run-command';
export { StartError, UsageError } from './start-error';
