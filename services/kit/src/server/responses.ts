import type { Response } from 'express';
import { releaseSlot } from '../admission/admission';
import type { HeaderList } from '../problem/header-list';
import type { DescribedProblem } from '../problem/problem';
import { inertHeaders } from './security-headers';

/** For a body that is data, not a page, and that no cache may store. */
export const dataHeaders: HeaderList = [...inertHeaders, 'Cache-Control', 'no-store'];

/** Whether the client has left. Node.js 20 emits no event for a response queued behind another. */
export function isAbandoned(res: Response): boolean {
  return res.closed || res.req.socket.destroyed;
}

/** Ends a response at once and releases its slot, however long the client takes to read. */
function endNow(res: Response, body?: string | Buffer): void {
  releaseSlot(res.req);
  res.end(body);
}

/** Responds with a body in its final form, in a single write. */
export function send(
  res: Response,
  status: number,
  body: string | Buffer,
  headers: HeaderList,
  moreHeaders: HeaderList = [],
): void {
  const length = String(Buffer.byteLength(body));
  const ownHeaders = ['Content-Length', length, 'X-Request-Id', res.req.requestId];
  res.writeHead(status, headers.concat(ownHeaders, moreHeaders));
  endNow(res, body);
}

const jsonHeaders: HeaderList = [
  ...['Content-Type', 'application/json; charset=utf-8'],
  ...dataHeaders,
];

/** Responds with a JSON value, or with text that already is JSON. */
export function sendJson(
  res: Response,
  status: number,
  value: object | string,
  headers?: HeaderList,
): void {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  send(res, status, body, jsonHeaders, headers);
}

const problemHeaders: HeaderList = ['Content-Type', 'application/problem+json', ...dataHeaders];

export function sendProblem(res: Response, { problem, headers }: DescribedProblem): void {
  send(res, problem.status, JSON.stringify(problem), problemHeaders, headers);
}

/** Responds that the client has the current body, with the headers that a 200 would have. */
export function sendNotModified(res: Response, headers: HeaderList): void {
  res.writeHead(304, headers.concat(['X-Request-Id', res.req.requestId]));
  endNow(res);
}

export function sendEmpty(res: Response, headers: HeaderList = []): void {
  res.writeHead(204, dataHeaders.concat(['X-Request-Id', res.req.requestId], headers));
  endNow(res);
}
