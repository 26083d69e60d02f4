import { kitProblems, type ProblemTable } from '@loan-buddy/kit';

export const problems = {
  ...kitProblems,
  'simulated-failure': {
    status: 503,
    title: 'A simulated failure',
    detail: 'This service was told to fail now and then (SIMULATED_FAILURE_RATE).',
  },
} as const satisfies ProblemTable;
