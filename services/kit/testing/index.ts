/** What the tests of several packages need. Not part of the build. */
export * from './local-server';
export * from './recording-logger';
export * from './openapi-check';
export * from './token-issuer';
export * from './until';
