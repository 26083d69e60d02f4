import { kitProblems, type KitProblemCode, type ProblemKind } from '@loan-buddy/kit/problem';
import type { SimulatedFailureError } from '../inject-fault';

/** Maps every error of this service to HTTP. */
export const problems = {
  ...kitProblems,
  'simulated-failure': {
    status: 503,
    title: 'Simulated failure',
    detail: 'The service is configured to fail some requests (SIMULATED_FAILURE_RATE).',
  },
} satisfies Record<KitProblemCode | SimulatedFailureError['code'], ProblemKind>;
