import type * as jose from 'jose' with { 'resolution-mode': 'import' };

/** The library that verifies and signs tokens. */
export type Jose = typeof jose;

/**
 * Loads jose when the first token arrives. It is published only as ECMAScript modules, which the test runner's
 * `require` cannot load.
 */
export function loadJose(): Promise<Jose> {
  return import('jose');
}
