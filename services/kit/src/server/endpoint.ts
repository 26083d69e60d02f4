import { isUtf8 } from 'node:buffer';
import zlib from 'node:zlib';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import { keepSlotUntil, releaseSlot, type Access, type Admission } from '../admission/admission';
import { anonymous, type Principal } from '../admission/principal';
import { BODY_LIMIT_BYTES } from '../problem/problem';
import { MethodNotAllowedError, RequestError } from './request-errors';
import { ValidationError, type Fault } from '../problem/app-error';
import { isAbandoned, sendEmpty } from './responses';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- the only way Express offers to extend its request
  namespace Express {
    interface Request {
      /** For logs and outgoing calls: the client's `X-Request-Id` if well formed, else a new one. */
      requestId: string;
      /** As `performance.now()`. */
      startedAt: number;
      /** Whether it has been logged and measured, with or without a response. */
      isFinished: boolean | undefined;
      /** The code of the problem in its response. */
      problemCode: string | undefined;
      /** Whether that problem denies the request (see {@link AppError.denied}). */
      denied: boolean | undefined;
    }
  }
}

type Method = 'get' | 'post' | 'patch' | 'delete';
type Shape = z.ZodObject;

export interface Tag {
  name: string;
  description: string;
}

/** What a header does and, unless every value is accepted, the pattern that it must match. */
export type RequestHeader = string | { description: string; pattern: string };

/** A response of an endpoint that is not a problem. */
export interface EndpointResponse {
  description: string;
  /** The body. `contentType` defaults to JSON. */
  schema?: z.ZodType;
  contentType?: string | readonly string[];
  /** What a client may get instead, by content type. */
  otherBodies?: Readonly<Record<string, z.ZodType>>;
  /** Replaces the example of the schema. */
  example?: unknown;
  /** Response headers by name, each with its meaning. */
  headers?: Readonly<Record<string, string>>;
}

/** The inputs and outputs of an endpoint: the single source for validation, routing and the OpenAPI document. */
export interface EndpointContract<
  Params extends Shape,
  Query extends Shape,
  Body extends z.ZodType,
> {
  method: Method;
  /** As in OpenAPI: `/orders/{id}`. */
  path: string;
  operationId: string;
  tag?: Tag;
  summary: string;
  description?: string;
  access: Access;
  params?: Params;
  query?: Query;
  body?: Body;
  /** A body with only the fields that a first request needs; the docs page prefills it. */
  bodyExample?: z.input<Body>;
  /** Headers that the handler reads, by name, each with its effect. */
  requestHeaders?: Readonly<Record<string, RequestHeader>>;
  /** Headers that any response may carry, a problem too, by name, each with its meaning. */
  headers?: Readonly<Record<string, string>>;
  responses: Readonly<Record<number, EndpointResponse>>;
  /** The codes of the problems it may respond with, in addition to the validation problems. */
  problems?: readonly string[];
}

export interface Endpoint {
  contract: EndpointContract<Shape, Shape, z.ZodType>;
  handle: RequestHandler;
}

/**
 * Combines a contract with its handler, which gets the parsed input and the admitted caller. Invalid input gets a
 * `validation-failed` problem instead.
 */
export function endpoint<Params extends Shape, Query extends Shape, Body extends z.ZodType>(
  contract: EndpointContract<Params, Query, Body>,
  serve: (input: {
    params: z.output<Params>;
    query: z.output<Query>;
    body: z.output<Body>;
    caller: Principal;
    req: Request;
    res: Response;
  }) => Promise<void> | void,
): Endpoint {
  const { params, body } = contract;
  // Refuses unknown parameters: a misspelt filter must not return everything.
  const query = (contract.query ?? z.object({})).strict() as unknown as Query;
  const withoutQuery = query.safeParse({});
  const parseQuery = (req: Request) =>
    withoutQuery.success && !req.url.includes('?')
      ? withoutQuery.data
      : parse(query, req.query, locateParameter);
  return {
    contract,
    handle: (req, res) =>
      serve({
        params: parse(params, req.params, locateParameter),
        query: parseQuery(req),
        body: parse(body, body && (req.body as unknown), locateInBody),
        caller: req.principal ?? anonymous,
        req,
        res,
      }),
  };
}

/** Registers the endpoints, each path with a 405 for all other methods. Admits a request before its body is read. */
export function mountEndpoints(
  app: Express,
  endpoints: readonly Endpoint[],
  admission: Admission,
): void {
  // `receiveBody` checks the type.
  const readJson = express.json({ limit: BODY_LIMIT_BYTES, type: () => true, verify: requireUtf8 });
  for (const path of new Set(endpoints.map(({ contract }) => contract.path))) {
    const group = endpoints.filter(({ contract }) => contract.path === path);
    const route = app.route(path.replace(/\{(\w+)\}/g, ':$1'));
    for (const { contract, handle } of group) {
      const { access, body, method } = contract;
      const run: RequestHandler = (req, res, next) => {
        if (isAbandoned(res)) return undefined;
        admission.acquireSlot(req, access);
        const running = handle(req, res, next) as Promise<void> | undefined;
        return running && keepSlotUntil(req, running);
      };
      const admit =
        (handler: RequestHandler): RequestHandler =>
        async (req, res, next) => {
          await admission.admit(req, access);
          await handler(req, res, next);
        };
      route[method](...(body ? [admit(receiveBody), readJson, run] : [admit(run)]));
    }
    const allow = allowOf(group);
    route.all((req, res) => {
      if (req.method !== 'OPTIONS') throw new MethodNotAllowedError(allow);
      sendEmpty(res, ['Allow', allow]);
    });
  }
}

/** Lists the methods of endpoints, as the `Allow` header does (RFC 9110, section 10.2.1). */
export function allowOf(endpoints: readonly Endpoint[]): string {
  const methods = endpoints.map(({ contract }) => contract.method.toUpperCase());
  const all = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...new Set([...all, 'OPTIONS'])].join(', ');
}

/** The request codings that express.json reads. */
const CODINGS = ['gzip', 'deflate', 'br', ...('createZstdDecompress' in zlib ? ['zstd'] : [])];

/** Checks how the body is encoded (RFC 9110, section 15.5.16), and releases the slot: a slow sender must not hold one. */
const receiveBody: RequestHandler = (req, _res, next) => {
  releaseSlot(req);
  const { 'content-type': type = '', 'content-encoding': coding = '' } = req.headers;
  if (!isJson(type)) {
    throw new RequestError('unsupported-media-type', undefined, ['Accept', 'application/json']);
  }
  // A list, in which `identity` changes nothing and `x-gzip` is `gzip` (RFC 9110, sections 8.4 and 8.4.1.3).
  const applied = coding
    .toLowerCase()
    .split(',')
    .map((each) => each.trim().replace(/^x-(?=gzip$)/, ''))
    .filter((each) => each !== '' && each !== 'identity')
    .join();
  if (applied !== '' && !CODINGS.includes(applied)) {
    const accepted = CODINGS.join(', ');
    const message = `The Content-Encoding must be one of ${accepted}.`;
    throw new RequestError('unsupported-media-type', message, ['Accept-Encoding', accepted]);
  }
  // Otherwise express.json would refuse the names `utf8` and `us-ascii`.
  req.headers['content-type'] = 'application/json';
  req.headers['content-encoding'] = applied;
  next();
};

/** JSON is always UTF-8 (RFC 8259, section 8.1). US-ASCII is a subset. */
function isJson(type: string): boolean {
  const charsets = [...type.matchAll(/;\s*charset\s*=\s*"?([^\s";]*)/gi)];
  const isUtf8Name = ([, name]: string[]) => /^(utf-?8|us-ascii)$/i.test(name!);
  return /^application\/json\s*(;|$)/i.test(type) && charsets.every(isUtf8Name);
}

/** Decoding would replace invalid bytes, so we would store text that the client never sent. */
function requireUtf8(_req: unknown, _res: unknown, body: Buffer): void {
  if (!isUtf8(body)) throw new RequestError('malformed-json');
}

function parse<Schema extends z.ZodType>(
  schema: Schema | undefined,
  value: unknown,
  locate: (path: readonly PropertyKey[]) => Omit<Fault, 'detail'>,
): z.output<Schema> {
  if (schema === undefined) return undefined as z.output<Schema>;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new ValidationError(
    result.error.issues.flatMap((issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({
            detail: 'is not a known field',
            ...locate([...issue.path, key]),
          }))
        : [{ detail: issue.message, ...locate(issue.path) }],
    ),
  );
}

/** Locates a fault by a JSON pointer in URI fragment form (RFC 6901, section 6). */
function locateInBody(path: readonly PropertyKey[]) {
  const tokens = path.map((key) => String(key).replaceAll('~', '~0').replaceAll('/', '~1'));
  return { pointer: `#${tokens.map((token) => `/${encodeURIComponent(token)}`).join('')}` };
}

function locateParameter(path: readonly PropertyKey[]) {
  return { parameter: path.map(String).join('.') };
}
