import { kitProblems, type KitProblemCode, type ProblemKind } from '@loan-buddy/kit/problem';
import type { SimulatedFailureError } from '../simulate-trouble';

/** Maps every error of this service to HTTP. */
export const problems = {
  ...kitProblems,
  'simulated-failure': {
    status: 503,
    title: 'A simulated failure',
    detail: 'This service was told to fail now and then (SIMULATED_FAILURE_RATE).',
  },
} satisfies Record<KitProblemCode | SimulatedFailureError['code'], ProblemKind>;
