import type * as jose from 'jose' with { 'resolution-mode': 'import' };

export type Jose = typeof jose;

/** Loads jose on demand: it is published only as ECMAScript modules, which the test runner's `require` cannot load. */
export function loadJose(): Promise<Jose> {
  return import('jose');
}
