import { z } from 'zod';

export function integerParameter(limits: { digits: number; min: number; max: number }) {
  return numberParameter(
    new RegExp(`^\\d{1,${String(limits.digits)}}$`),
    'must be a whole number',
    z.int().min(limits.min).max(limits.max),
  );
}

/** A numeric query parameter: its text matches `pattern`, its value fits `schema`. */
export function numberParameter<Schema extends z.ZodType<number>>(
  pattern: RegExp,
  message: string,
  schema: Schema,
) {
  // Not `z.string().transform(Number)`: the OpenAPI document would declare a string.
  return z.preprocess((text, context) => {
    if (typeof text === 'string' && pattern.test(text)) return Number(text);
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }, schema);
}
