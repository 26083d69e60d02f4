/** `npm run token` prints a token for development. */
import { runCommand, UsageError } from '@loan-buddy/kit/process';
import { mintToken, USER_SCOPES } from './development-auth';

const usage = `usage: npm run -s token -- USER [--scope "SCOPE …"] [--ttl SECONDS]
Prints a token for USER, valid for services that run on this machine with AUTH_MODE=jwt npm start.
  --scope   its scopes, separated by spaces; default "${USER_SCOPES}"
  --ttl     seconds until it expires; default 3600`;

void runCommand({
  name: 'token',
  usage,
  options: {
    scope: { type: 'string', default: USER_SCOPES },
    ttl: { type: 'string', default: '3600' },
  },
  run: async ({ positionals: [subject, ...more], values: { scope, ttl }, print }) => {
    if (!subject || more.length > 0) throw new UsageError('expected one USER');
    if (!/^[1-9]\d{0,8}$/.test(ttl)) throw new UsageError('--ttl must be a number of seconds');
    print(await mintToken({ subject, scope, ttlS: Number(ttl) }));
  },
});
