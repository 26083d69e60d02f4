/** Helpers that the tests of several packages share. Not part of the build. */
export * from './clock';
export * from './fake-timers';
export * from './local-server';
export * from './recording-logger';
export * from './openapi-check';
export * from './token-issuer';
export * from './run-unless';
export * from './event-loop-turns';
export * from './until';
export * from './name-server';
