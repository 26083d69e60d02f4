import { AppError } from '../problem/app-error';
import type { HeaderList } from '../problem/header-list';
import { requestFaults } from '../problem/problem';

const DENIED = ['malformed-request', 'request-timeout', 'headers-too-large', 'uri-too-long'];

/** A fault of the request itself, found before its endpoint runs. */
export class RequestError extends AppError {
  override readonly denied: boolean;

  constructor(
    readonly code: keyof typeof requestFaults,
    message: string = requestFaults[code],
    headers: HeaderList = [],
  ) {
    super(message, { headers });
    this.denied = DENIED.includes(code);
  }
}

/** The path exists, but not with this method. */
export class MethodNotAllowedError extends AppError {
  readonly code = 'method-not-allowed';

  /** @param allow the methods the path allows, as the `Allow` header lists them (RFC 9110, section 10.2.1). */
  constructor(allow: string) {
    super(`The path allows ${allow}.`, { headers: ['Allow', allow] });
  }
}
