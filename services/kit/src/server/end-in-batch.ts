import type { Response } from 'express';
import { releaseSlot } from '../admission/admission';

interface MadeAnswer {
  res: Response;
  body: string | Buffer | undefined;
}

/** How many responses are written without waiting for the end of a turn, which may be long. */
const MAX_TOGETHER = 32;

let made: MadeAnswer[] = [];

/**
 * Ends a response whose head is written, when this turn of the event loop ends or 32 are waiting. Releases its slot at
 * once. Responses are written one right after the other, as Redis does: under load that costs both sides less than
 * writing each between two requests. Only for safe requests: a response is lost if the process dies, or its handler
 * throws, in the same turn.
 */
export function endWithTurn(res: Response, body?: string | Buffer): void {
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
