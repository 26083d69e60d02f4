import type * as jose from 'jose' with { 'resolution-mode': 'import' };

/** What verifies and signs tokens. */
export type Jose = typeof jose;

/**
 * Loads it when the first token turns up. It is published as ECMAScript modules alone, which the test runner's `require`
 * does not take.
 */
export function loadJose(): Promise<Jose> {
  return import('jose');
}
