import { z } from 'zod';

/** Whether a text has no control characters or broken Unicode. PostgreSQL cannot store U+0000. */
export function isPrintable(text: string): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(text);
}

/** An identifier from outside: 1 to 128 characters, without control characters or broken Unicode. */
export const idSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(128, 'must have at most 128 characters')
  // Not as a pattern: the published schema would lose its flag.
  .refine(isPrintable, 'must not contain control characters');
