import { z } from 'zod';

/** Whether a text has no control characters and no broken Unicode: PostgreSQL keeps no U+0000, and no log should show any. */
export function isPrintable(text: string): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(text);
}

/** An identifier that somebody else chose: 1 to 128 characters, none of them a control character or broken Unicode. */
export const idSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(128, 'must have at most 128 characters')
  // Not as a pattern: in the published schema its flag would be lost.
  .refine(isPrintable, 'must not contain control characters');
