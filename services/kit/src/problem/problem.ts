import { AppError } from './app-error';

/** The HTTP side of one error code. */
export interface ProblemKind {
  status: number;
  title: string;
  /** The problem type, if a standard defines one. */
  type?: string;
  /** Sent with a 5xx, instead of the error's message. */
  detail?: string;
}

export type ProblemTable = Readonly<Record<string, ProblemKind>>;

/** The largest body that is accepted, in bytes after decompression. */
export const BODY_LIMIT_BYTES = 100 * 1024;

/** The longest request target that is accepted, in characters. */
export const MAX_URL_LENGTH = 4096;

/** The details of faults in the request itself, whether we, Express or its body parser find them. */
export const requestFaults = {
  'route-not-found': 'No route matches.',
  'malformed-json': 'The body must be one JSON object, encoded in UTF-8.',
  'malformed-request': 'The request line, a header or the body could not be read.',
  'body-too-large': `The body may have at most ${String(BODY_LIMIT_BYTES)} bytes.`,
  'unsupported-media-type': 'The body must be application/json in UTF-8.',
  'request-timeout': 'The rest of the request did not arrive in time.',
  'headers-too-large': 'The request line and the headers may have at most 16 KiB in total.',
  'uri-too-long': `The path and the query may have at most ${String(MAX_URL_LENGTH)} characters in total.`,
};

/** The problems that kit itself raises; a service's table starts with these. */
export const kitProblems = {
  'validation-failed': { status: 400, title: 'The request is not valid' },
  'malformed-json': { status: 400, title: 'The body is not valid JSON' },
  'malformed-request': { status: 400, title: 'The request cannot be read' },
  'route-not-found': { status: 404, title: 'No endpoint has this path' },
  'method-not-allowed': { status: 405, title: 'This path does not allow that method' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  'uri-too-long': { status: 414, title: 'The URL is too long' },
  'headers-too-large': { status: 431, title: 'The headers are too large' },
  'unsupported-media-type': { status: 415, title: 'The body has the wrong media type' },
  'token-missing': { status: 401, title: 'A token is required' },
  'token-invalid': { status: 401, title: 'The token is not valid' },
  'authorization-unreadable': { status: 400, title: 'The Authorization header cannot be read' },
  'insufficient-scope': { status: 403, title: 'The token does not allow this' },
  'quota-exceeded': {
    status: 429,
    title: 'Too many requests',
    type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
  },
  'keys-unavailable': {
    status: 503,
    title: 'Tokens cannot be verified now',
    detail: 'The token cannot be verified right now. Try again.',
  },
  overloaded: {
    status: 503,
    title: 'The service is overloaded',
    detail: 'The service is handling as many requests as it can. Try again.',
  },
  'internal-error': {
    status: 500,
    title: 'Internal error',
    detail: 'The request could not be completed. The fault is ours and has been logged.',
  },
} as const satisfies ProblemTable;

export type KitProblemCode = keyof typeof kitProblems;

export type DescribedProblem = ReturnType<typeof describeProblem>;

/** A problem document (RFC 9457), with our stable `code`. */
export type Problem = DescribedProblem['problem'];

/**
 * Turns anything thrown into a problem document. Unknown errors become `internal-error`, which is not `expected`: an
 * operator must look at it. Never repeats the message of an error with a 5xx status.
 */
export function describeProblem(error: unknown, table: ProblemTable, instance?: string) {
  const known = error instanceof AppError ? error : undefined;
  const thrown = known?.code ?? httpErrorCode(error);
  const code = thrown in table ? thrown : 'internal-error';
  const kind: ProblemKind = table[code] ?? kitProblems['internal-error'];
  const faults: Partial<Record<string, string>> = requestFaults;
  const detail = kind.status >= 500 ? kind.detail : (known?.message ?? faults[code]);
  return {
    expected: code !== 'internal-error',
    headers: known?.headers ?? [],
    problem: {
      // Without a standard's type: a tag URI (RFC 4151), a name that does not promise a page.
      type: kind.type ?? `tag:loan-buddy.example,2025:problem:${code}`,
      title: kind.title,
      status: kind.status,
      ...(detail !== undefined && { detail }),
      ...(instance !== undefined && { instance }),
      code,
      ...(known && known.faults.length > 0 && { errors: known.faults }),
      ...known?.members,
    },
  };
}

/** Express, its router and its body parser mark the client's faults with a 4xx status. */
function httpErrorCode(error: unknown): KitProblemCode {
  if (!(error instanceof Error) || !('status' in error)) return 'internal-error';
  const type = 'type' in error ? error.type : undefined;
  if (type === 'entity.parse.failed') return 'malformed-json';
  if (error.status === 413) return 'body-too-large';
  if (error.status === 415) return 'unsupported-media-type';
  if (typeof error.status === 'number' && error.status >= 400 && error.status < 500) {
    return 'malformed-request';
  }
  return 'internal-error';
}
