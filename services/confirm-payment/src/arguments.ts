import { readServiceArguments } from '@loan-buddy/kit/process';

// `main.ts` imports this first: `--env-file` sets what other modules read when they load.
readServiceArguments('confirm-payment');
