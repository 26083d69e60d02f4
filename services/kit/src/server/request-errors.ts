import { AppError } from '../problem/app-error';
import { clientDetails } from '../problem/problem';

/** The longest request target that is accepted, in characters. */
export const MAX_URL_LENGTH = 4096;

/** No endpoint has this path. */
export class RouteNotFoundError extends AppError {
  readonly code = 'route-not-found';
}

/** The path exists, but not with this method. */
export class MethodNotAllowedError extends AppError {
  readonly code = 'method-not-allowed';

  /** @param allow the methods the path allows, as the `Allow` header lists them (RFC 9110, section 10.2.1). */
  constructor(allow: string) {
    super(`The path allows ${allow}.`, { headers: ['Allow', allow] });
  }
}

/** The body is not JSON. */
export class MalformedJsonError extends AppError {
  readonly code = 'malformed-json';

  constructor() {
    super(clientDetails['malformed-json']);
  }
}

/** The body is not declared as JSON. */
export class UnsupportedMediaTypeError extends AppError {
  readonly code = 'unsupported-media-type';

  constructor() {
    super(clientDetails['unsupported-media-type']);
  }
}

/** The bytes that arrived are not a request, or not one that HTTP/1.1 allows. */
export class MalformedRequestError extends AppError {
  readonly code = 'malformed-request';
  override readonly denied = true;

  constructor(message: string = clientDetails['malformed-request']) {
    super(message);
  }
}

/** The request did not arrive in time (RFC 9110, section 15.5.9). */
export class RequestTimeoutError extends AppError {
  readonly code = 'request-timeout';
  override readonly denied = true;

  constructor() {
    super('The rest of the request did not arrive in time.');
  }
}

/** The headers are longer than the limit (RFC 6585, section 5). */
export class HeadersTooLargeError extends AppError {
  readonly code = 'headers-too-large';
  override readonly denied = true;

  constructor() {
    super('The request line and the headers may have at most 16 KiB in total.');
  }
}

/** The request target is longer than the limit (RFC 9110, section 15.5.15). */
export class UriTooLongError extends AppError {
  readonly code = 'uri-too-long';
  override readonly denied = true;

  constructor() {
    super(`The path and the query may have at most ${String(MAX_URL_LENGTH)} characters in total.`);
  }
}
