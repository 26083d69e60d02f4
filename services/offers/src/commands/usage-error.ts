import { StartError } from '@loan-buddy/kit';

/** The command cannot be run as it was typed, or not now; the message says how. */
export class UsageError extends StartError {
  readonly code = 'usage';
}
