import type { HeaderList } from './header-list';

/** One fault, and its place: a JSON pointer (RFC 6901) into the body, or the name of a parameter or header. */
export interface Fault {
  detail: string;
  pointer?: string;
  parameter?: string;
  header?: string;
}

/**
 * An error that a client can act on. Subclasses fix `code`, a key of the problem table. `members` are added to the
 * problem body (RFC 9457, section 3.2).
 */
export abstract class AppError extends Error {
  abstract readonly code: string;
  /** Whether it denies the request because of its sender, its form or its rate. The audit log records these. */
  readonly denied: boolean = false;
  readonly faults: readonly Fault[];
  readonly headers: HeaderList;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(
    message: string,
    options: ErrorOptions & {
      faults?: readonly Fault[];
      headers?: HeaderList;
      retryAfterSeconds?: number;
      members?: Record<string, unknown>;
    } = {},
  ) {
    super(message, options);
    const { faults = [], headers = [], retryAfterSeconds: seconds, members = {} } = options;
    this.name = new.target.name;
    this.faults = faults;
    this.headers = seconds === undefined ? headers : [...headers, 'Retry-After', String(seconds)];
    this.members = members;
  }
}

/** The parameters or the body do not match the contract; `faults` say where. */
export class ValidationError extends AppError {
  readonly code = 'validation-failed';

  constructor(faults: readonly Fault[]) {
    super('See errors for what is wrong and where.', { faults });
  }
}
