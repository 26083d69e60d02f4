/** `npm run token -- USER [--scope "SCOPE …"] [--ttl SECONDS]` prints a token for development. */
import { parseArgs } from 'node:util';
import { runCommand, UsageError } from '@loan-buddy/kit';
import { mintToken, USER_SCOPES } from './development-auth';

const USAGE = 'npm run token -- USER [--scope "SCOPE …"] [--ttl SECONDS]';

void runCommand('token', async (print) => {
  const { subject, scope, ttlS } = readArguments(process.argv.slice(2));
  print(await mintToken({ subject, scope, ttlS }));
});

function readArguments(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      options: {
        scope: { type: 'string', default: USER_SCOPES },
        ttl: { type: 'string', default: '3600' },
      },
      allowPositionals: true,
    });
    const [subject] = positionals;
    if (positionals.length === 1 && subject && /^[1-9]\d{0,8}$/.test(values.ttl)) {
      return { subject, scope: values.scope, ttlS: Number(values.ttl) };
    }
  } catch {
    // An option that there is not.
  }
  throw new UsageError(`usage: ${USAGE}`);
}
