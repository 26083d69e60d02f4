import type * as jose from 'jose' with { 'resolution-mode': 'import' };

/** What verifies and signs tokens. */
export type Jose = typeof jose;

/** Loads it once there is a token: it is published as ECMAScript modules alone, which `require` takes in no test runner. */
export function loadJose(): Promise<Jose> {
  return import('jose');
}
