import type { Response } from 'express';
import { releaseSlot } from './admission/admission';

interface MadeAnswer {
  res: Response;
  body: string | Buffer | undefined;
}

/** So many are written without waiting for the end of a turn, which may be long. */
const MAX_TOGETHER = 32;

let made: MadeAnswer[] = [];

/**
 * Ends an answer whose head is there. All those made in one turn of the event loop are written at the end of it, one right
 * after the other, as Redis does: under load that takes less of both sides than to write each between two requests. Only for
 * what may get lost if the process dies or its handler throws in that turn, and asking again is safe.
 */
export function endAnswer(res: Response, body?: string | Buffer): void {
  // However long the client takes to read it.
  releaseSlot(res.req);
  if (made.length === 0) setImmediate(writeMade);
  made.push({ res, body });
  if (made.length === MAX_TOGETHER) writeMade();
}

function writeMade(): void {
  const answers = made;
  made = [];
  for (const { res, body } of answers) res.end(body);
}
