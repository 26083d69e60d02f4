import { z } from 'zod';
import type { Access } from '../admission/admission';
import type { Endpoint, EndpointResponse } from './endpoint';
import type { ProblemTable } from '../problem/problem';

const problemSchema = z
  .looseObject({
    type: z.string().meta({ format: 'uri', description: 'Names the kind of problem.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    instance: z.string().optional(),
    code: z.string().meta({ description: 'Stable; what a program should look at.' }),
    errors: z
      .array(
        z.object({
          detail: z.string(),
          pointer: z.string().optional().meta({ description: 'Where in the body (RFC 6901).' }),
          parameter: z.string().optional().meta({ description: 'Which path or query parameter.' }),
          header: z.string().optional().meta({ description: 'Which header.' }),
        }),
      )
      .optional(),
  })
  .meta({ id: 'Problem', description: 'A problem document (RFC 9457).' });

const aProblem = { schema: problemSchema, contentType: 'application/problem+json' };

/** Problems of an endpoint with a quota, and of one that takes a token. */
const refusals = ['quota-exceeded', 'overloaded'];
const denials = [
  'token-missing',
  'token-invalid',
  'authorization-unreadable',
  'insufficient-scope',
  'keys-unavailable',
  ...refusals,
];

function refusalsOf(access: Access, takesTokens: boolean): readonly string[] {
  if (access === 'always') return [];
  return takesTokens ? denials : refusals;
}

function problemCodes(contract: Endpoint['contract'], takesTokens: boolean): string[] {
  const { access, params, query, body, requestHeaders, problems = [] } = contract;
  const codes = [...problems, ...refusalsOf(access, takesTokens), 'internal-error'];
  if (params ?? query ?? body ?? requestHeaders)
    codes.push('validation-failed', 'malformed-request');
  if (body) codes.push('malformed-json', 'body-too-large', 'unsupported-media-type');
  return codes;
}

/** The problems an endpoint may respond with, by status. Problems with tokens only if it takes one. */
export function problemResponses(
  contract: Endpoint['contract'],
  takesTokens: boolean,
  problems: ProblemTable,
): Record<string, EndpointResponse> {
  const titles = new Map<number, string[]>();
  for (const code of problemCodes(contract, takesTokens)) {
    const kind = problems[code];
    if (!kind) throw new Error(`no problem is listed under ${code}`);
    titles.set(kind.status, [...(titles.get(kind.status) ?? []), `${kind.title} (\`${code}\`).`]);
  }
  const byStatus = [...titles].map(([status, lines]): [number, EndpointResponse] => [
    status,
    {
      ...aProblem,
      description: lines.join(' '),
      headers: {
        ...([409, 429, 503].includes(status) && {
          'Retry-After': 'Seconds after which to try again, where that helps.',
        }),
        ...([400, 401, 403].includes(status) && {
          'WWW-Authenticate': 'What is wrong with the token (RFC 6750), where it is the token.',
        }),
      },
    },
  ]);
  return { ...Object.fromEntries(byStatus), default: anyProblem };
}

/** Problems that can hit any request before an endpoint sees it. */
const anyProblem: EndpointResponse = {
  ...aProblem,
  description:
    'Any other problem: the method (405), a request that is not HTTP (400), came too slowly (408), has too long a URL (414) or too long headers (431).',
  headers: { Allow: 'With a 405: the methods that the path takes.' },
};
