import { AppError } from '@loan-buddy/kit';

/** The database does not answer, or not in time. What was being written may or may not be kept. */
export class DatabaseUnavailableError extends AppError {
  readonly code = 'database-unavailable';

  constructor(options: ErrorOptions) {
    super('the database cannot be worked with now', { ...options, retryAfterSeconds: 1 });
  }
}

/**
 * The SQLSTATEs that say "not now" (PostgreSQL, appendix A): classes 08 (connection), 53 (resources, a full disk among
 * them), 57 (operator's intervention, timeouts included) and 58 (system); 40 and 55P03, which two statements in each
 * other's way get; 25006 and 25P03, from a server that turned read-only or ran out of patience; and what a server says
 * that is being set up anew: 28 (authorisation) and 3D000 (no such database).
 */
const NOT_NOW = /^(08|53|57|58|40|55P03|25006|25P03|28|3D000)/;

/** The SQLSTATE of an error that came from the database itself; undefined for any other. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Whether a statement may well succeed when it is sent again. Without an SQLSTATE, the database said nothing at all. */
export function isUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined || NOT_NOW.test(state);
}

/** Throws a {@link DatabaseUnavailableError} in place of an error that says so, and any other as it is. */
export function rethrow(error: unknown): never {
  throw isUnavailable(error) ? new DatabaseUnavailableError({ cause: error }) : error;
}
