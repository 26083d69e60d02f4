import { AppError } from '@loan-buddy/kit';

/** The database does not answer, or not in time. What was being written may or may not be kept. */
export class DatabaseUnavailableError extends AppError {
  readonly code = 'database-unavailable';

  constructor(options: ErrorOptions) {
    super('the database cannot be reached', { ...options, retryAfterSeconds: 1 });
  }
}
