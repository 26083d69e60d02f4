import { z } from 'zod';
import { integerParameter, numberParameter } from './number-parameter';

const MAX_AMOUNT = 100_000_000;
const TERM_MONTHS = { min: 1, max: 600 };

export const amountSchema = z
  .number()
  .min(1)
  .max(MAX_AMOUNT)
  .multipleOf(0.01, 'must have at most two decimals')
  // The generator of the OpenAPI document leaves it out.
  .meta({ multipleOf: 0.01 });

export const termSchema = z.int().min(TERM_MONTHS.min).max(TERM_MONTHS.max);

export const loanParameters = {
  amount: numberParameter(
    /^\d{1,9}(\.\d{1,2})?$/,
    'must be a number, with up to two decimals',
    amountSchema,
  )
    .optional()
    .meta({ description: 'The requested amount in units of the currency, such as 10000.' }),
  term_months: integerParameter({ digits: 4, ...TERM_MONTHS })
    .optional()
    .meta({ description: 'The requested term, such as 36; offers then include their cost.' }),
};
