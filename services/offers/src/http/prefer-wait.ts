import { isAbandoned } from '@loan-buddy/kit/server';
import type { Response } from 'express';
import type { Preferences } from './prefer';

/** Longest wait that a client can request, in seconds. */
export const MAX_WAIT_S = 30;

/** Returns how long to wait for a client (`Prefer: wait=N`, RFC 7240), and the matching `Preference-Applied`. */
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

/** Returns a signal that aborts when the client has left or has its response. */
export function signalOf(res: Response): AbortSignal {
  const leaving = new AbortController();
  if (isAbandoned(res)) leaving.abort();
  res.once('close', () => {
    leaving.abort();
  });
  return leaving.signal;
}
