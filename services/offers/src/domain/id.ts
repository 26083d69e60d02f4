import { z } from 'zod';

/** Whether a text has no control characters or broken Unicode. PostgreSQL cannot store U+0000. */
export function isPrintable(text: string): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(text);
}

/** A text from outside, without control characters or broken Unicode. Counts characters as JSON Schema does. */
export function textSchema(limits: { min?: number; max: number }) {
  const { min = 0, max } = limits;
  return (
    z
      .string()
      .min(min, 'must not be empty')
      .refine(
        (text) => Array.from(text).length <= max,
        `must have at most ${String(max)} characters`,
      )
      .refine(isPrintable, 'must not contain control characters')
      // Not the pattern of `isPrintable`: the published schema would lose its flag.
      .meta({ maxLength: max, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]*$' })
  );
}

export const idSchema = textSchema({ min: 1, max: 128 });
