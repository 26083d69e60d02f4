import { AppError } from '@loan-buddy/kit/problem';

/** The database did not respond in time. The write may or may not have been committed. */
export class DatabaseUnavailableError extends AppError {
  readonly code = 'database-unavailable';

  constructor(options: ErrorOptions) {
    super('the database is unavailable', { ...options, retryAfterSeconds: 1 });
  }
}

/**
 * SQLSTATEs of temporary failures (PostgreSQL, appendix A): classes 08 (connection), 53 (resources, including a full
 * disk), 57 (operator intervention, including timeouts) and 58 (system); 40 and 55P03, from conflicting statements;
 * 25006 and 25P03, from a server that turned read-only or ended an idle transaction; 0A000 and 26000, from a prepared
 * statement whose columns changed or that is gone; and 28 (authorisation) and 3D000 (no such database), from a server
 * that is being set up again.
 */
const NOT_NOW = /^(08|53|57|58|40|55P03|25006|25P03|0A000|26000|28|3D000)/;

/** Returns the SQLSTATE of a database error; undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Whether a retry of the statement may succeed. An error without an SQLSTATE did not come from the database. */
export function isUnavailable(error: unknown): boolean {
  const state = sqlState(error);
  return state === undefined || NOT_NOW.test(state);
}

/** Throws a {@link DatabaseUnavailableError} instead of a temporary error. */
export function rethrow(error: unknown): never {
  throw isUnavailable(error) ? new DatabaseUnavailableError({ cause: error }) : error;
}
