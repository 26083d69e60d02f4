import { z } from 'zod';

const MAX_AMOUNT = 100_000_000;
const MAX_TERM_MONTHS = 600;

/** An amount wanted, as a number of a body or once it has been read out of a parameter. */
export const amountSchema = z
  .number()
  .min(1)
  .max(MAX_AMOUNT)
  .multipleOf(0.01, 'must have at most two decimals');

export const termSchema = z.int().min(1).max(MAX_TERM_MONTHS);

/** The query parameters that say for what loan offers are wanted. */
export const wantedParameters = {
  amount: z
    .string()
    .regex(/^\d{1,9}(\.\d{1,2})?$/, 'must be a number, with up to two decimals')
    .transform(Number)
    .pipe(amountSchema)
    .optional()
    .meta({ description: 'The amount wanted, in units of the currency.', example: '10000' }),
  term_months: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a whole number')
    .transform(Number)
    .pipe(termSchema)
    .optional()
    .meta({ description: 'The term wanted; offers then say what they cost.', example: '36' }),
};
