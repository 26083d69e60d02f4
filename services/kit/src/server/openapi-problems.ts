import { z } from 'zod';
import type { Endpoint, EndpointResponse } from './endpoint';
import type { ProblemTable } from '../problem/problem';

const problemSchema = z
  .looseObject({
    type: z.string().meta({ format: 'uri', description: 'Names the kind of problem.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    instance: z.string().optional(),
    code: z.string().meta({ description: 'Stable: use it to tell problems apart in a program.' }),
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

const problemContent = { schema: problemSchema, contentType: 'application/problem+json' };

const tokenProblems = [
  ...['token-missing', 'token-invalid', 'authorization-unreadable'],
  ...['insufficient-scope', 'keys-unavailable'],
];

function problemCodes(contract: Endpoint['contract'], takesTokens: boolean): string[] {
  const { access, body, problems = [] } = contract;
  const codes = [
    ...problems,
    ...(takesTokens ? tokenProblems : []),
    ...(access === 'always' ? [] : ['quota-exceeded', 'overloaded']),
    ...['internal-error', 'validation-failed', 'malformed-request'],
  ];
  if (body) codes.push('malformed-json', 'body-too-large', 'unsupported-media-type');
  return codes;
}

/** The problems an endpoint may respond with, by status. Includes problems with tokens only if it takes one. */
export function problemResponses(
  contract: Endpoint['contract'],
  takesTokens: boolean,
  problems: ProblemTable,
): Record<string, EndpointResponse> {
  const byStatus: Record<string, EndpointResponse> = {};
  for (const code of problemCodes(contract, takesTokens)) {
    const kind = problems[code];
    if (!kind) throw new Error(`unknown problem code: ${code}`);
    const { status, title } = kind;
    byStatus[status] = {
      ...problemContent,
      description: [byStatus[status]?.description, `${title} (\`${code}\`).`].join(' ').trim(),
      headers: {
        ...([409, 429, 503].includes(status) && {
          'Retry-After': 'Seconds to wait before a retry, if a retry can help.',
        }),
        ...(status === 415 && {
          Accept: 'The media type of a body, if another was sent.',
          'Accept-Encoding': 'The codings of a body, if another was sent.',
        }),
        ...([400, 401, 403].includes(status) && {
          'WWW-Authenticate': 'What is wrong with the token (RFC 6750), if it is the token.',
        }),
      },
    };
  }
  return { ...byStatus, default: anyProblem };
}

/** Problems that can hit any request before an endpoint sees it. */
const anyProblem: EndpointResponse = {
  ...problemContent,
  description:
    'Any other problem: a method that the path does not allow (405), or a request that is not valid HTTP (400), takes too long to arrive (408), or has a URL (414) or headers (431) that are too long.',
  headers: { Allow: 'With a 405: the methods that the path allows.' },
};
