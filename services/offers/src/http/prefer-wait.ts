import type { Preferences } from '@loan-buddy/kit';

/** Longest time a client is kept waiting because it says it is willing to, in seconds. */
export const MAX_WAIT_S = 30;

/** How long a client is willing to wait (`Prefer: wait=N`, RFC 7240), and how that is answered in `Preference-Applied`. */
export function preferredWait({ waitS }: Pick<Preferences, 'waitS'>): {
  waitMs: number;
  applied: string[];
} {
  const seconds = Math.min(waitS ?? 0, MAX_WAIT_S);
  return {
    waitMs: seconds * 1000,
    applied: waitS === undefined ? [] : [`wait=${String(seconds)}`],
  };
}
