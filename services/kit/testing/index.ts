/** What the tests of several packages need. Not part of the build. */
export * from './clock';
export * from './fake-timers';
export * from './local-server';
export * from './recording-logger';
export * from './openapi-check';
export * from './token-issuer';
export * from './run-unless';
export * from './turns';
export * from './until';
export * from './name-server';
