import { z } from 'zod';

/** A query parameter that is a whole number, written in at most so many decimal digits. */
export function integerParameter(limits: { digits: number; min: number; max: number }) {
  return z
    .string()
    .regex(new RegExp(`^\\d{1,${String(limits.digits)}}$`), 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(limits.min).max(limits.max));
}
