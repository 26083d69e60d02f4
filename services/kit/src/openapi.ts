import {
  OpenApiGeneratorV31,
  OpenAPIRegistry,
  type ResponseConfig,
} from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { BEARER_SCHEME, type Access, type Admission } from './admission/admission';
import type { Endpoint, EndpointResponse } from './endpoint';
import type { ProblemTable } from './problem';

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

/** What the document says of the service itself. */
export type ServiceInfo = Record<'title' | 'version' | 'description', string>;

/** What a service sends of its own accord to whoever asked for it. */
export interface Webhook {
  /** Names it in the document, and what is sent with it. */
  name: string;
  summary: string;
  body: z.ZodType;
  /** The headers it is sent with, by name with what each tells. */
  headers: Readonly<Record<string, string>>;
  /** What each answer of the receiver brings about. */
  responses: Readonly<Record<string, string>>;
}

/** An OpenAPI 3.1 document. */
export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

/** What a document tells beside the endpoints. */
export interface MoreToDocument {
  webhooks?: readonly Webhook[] | undefined;
  /** Of what is in no body of an endpoint. Each is a component under the `id` in its meta, as are those in it that have one. */
  schemas?: readonly z.ZodType[] | undefined;
}

/** The OpenAPI 3.1 document of these endpoints and webhooks, made from the very schemas that validate. */
export function openApiDocument(
  info: ServiceInfo,
  endpoints: readonly Endpoint[],
  problems: ProblemTable,
  admission: Pick<Admission, 'requirement'>,
  { webhooks = [], schemas = [] }: MoreToDocument = {},
): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', BEARER_SCHEME, {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'A JSON Web Token (RFC 6750, RFC 7519); each operation names the scope it needs.',
  });
  for (const { name, summary, body, headers, responses } of webhooks) {
    registry.registerWebhook({
      method: 'post',
      path: name,
      summary,
      request: {
        body: { required: true, content: { 'application/json': { schema: body } } },
        headers: headerSchema(headers),
      },
      responses: Object.fromEntries(
        Object.entries(responses).map(([status, description]) => [status, { description }]),
      ),
    });
  }
  for (const { contract } of endpoints) {
    const { method, path, operationId, summary, description, body } = contract;
    const responses: Record<string, EndpointResponse> = {
      ...problemResponses(problemCodes(contract), problems),
      ...contract.responses,
      default: anyProblem,
    };
    registry.registerPath({
      method,
      path,
      operationId,
      summary,
      ...(description !== undefined && { description }),
      security: admission.requirement(contract.access),
      request: {
        ...(contract.params && { params: asObject(contract.params) }),
        ...(contract.query && { query: asObject(contract.query) }),
        ...(body && {
          body: { required: true, content: { 'application/json': { schema: body } } },
        }),
        headers: headerSchema({
          'X-Request-Id':
            'Identifies the request in the logs of this service and of those it calls; generated if missing.',
          ...contract.requestHeaders,
        }),
      },
      responses: Object.fromEntries(
        Object.entries(responses).map(([status, response]) => [
          status,
          responseConfig(response, {
            ...(contract.access !== 'always' && quotaHeaders),
            ...contract.headers,
          }),
        ]),
      ),
    });
  }
  const components = schemas.map((schema) => ({ type: 'schema' as const, schema }));
  return new OpenApiGeneratorV31([...components, ...registry.definitions]).generateDocument({
    openapi: '3.1.0',
    info,
    servers: [{ url: '/' }],
  });
}

const quotaHeaders = {
  'RateLimit-Policy': 'Where requests are limited: the quota (RateLimit header fields for HTTP).',
  RateLimit: 'What is left of it, and seconds until there is a new one.',
};

/** What may keep a caller from an endpoint that is not always there, and from one that wants a token. */
const refusals = ['quota-exceeded', 'overloaded'];
const denials = [
  'token-missing',
  'token-invalid',
  'authorization-unreadable',
  'insufficient-scope',
  'keys-unavailable',
  ...refusals,
];

function refusalsOf(access: Access): readonly string[] {
  if (access === 'always') return [];
  return access === 'public' ? refusals : denials;
}

function problemCodes(contract: Endpoint['contract']): string[] {
  const { access, params, query, body, requestHeaders, problems = [] } = contract;
  const codes = [...problems, ...refusalsOf(access), 'internal-error'];
  if (params ?? query ?? body ?? requestHeaders)
    codes.push('validation-failed', 'malformed-request');
  if (body) codes.push('malformed-json', 'body-too-large', 'unsupported-media-type');
  return codes;
}

function problemResponses(
  codes: readonly string[],
  problems: ProblemTable,
): Record<string, EndpointResponse> {
  const titles = new Map<number, string[]>();
  for (const code of codes) {
    const kind = problems[code];
    if (!kind) throw new Error(`no problem is listed under ${code}`);
    titles.set(kind.status, [...(titles.get(kind.status) ?? []), `${kind.title} (\`${code}\`).`]);
  }
  return Object.fromEntries(
    [...titles].map(([status, lines]) => [
      status,
      {
        description: lines.join(' '),
        schema: problemSchema,
        contentType: 'application/problem+json',
        headers: {
          ...([409, 429, 503].includes(status) && {
            'Retry-After': 'Seconds after which to try again, where that helps.',
          }),
          ...([400, 401, 403].includes(status) && {
            'WWW-Authenticate': 'What is wrong with the token (RFC 6750), where it is the token.',
          }),
        },
      },
    ]),
  );
}

/** What may befall any request before an endpoint sees it. */
const anyProblem: EndpointResponse = {
  description:
    'Any other problem: the method (405), a request that is not HTTP (400), came too slowly (408), has too long a URL (414) or too long headers (431).',
  schema: problemSchema,
  contentType: 'application/problem+json',
  headers: { Allow: 'With a 405: the methods that the path takes.' },
};

function responseConfig(
  response: EndpointResponse,
  commonHeaders: EndpointResponse['headers'],
): ResponseConfig {
  const { description, schema, contentType = 'application/json', headers } = response;
  return {
    description,
    ...(schema && { content: { [contentType]: { schema } } }),
    headers: headerSchema({
      'X-Request-Id': 'The id under which the request is logged.',
      'Cache-Control': '`no-store`: nobody may keep it.',
      ...commonHeaders,
      ...headers,
    }),
  };
}

function headerSchema(headers: Readonly<Record<string, string>>): z.ZodObject {
  return z.object(
    Object.fromEntries(
      Object.entries(headers).map(([name, description]) => [
        name,
        z.string().optional().meta({ description }),
      ]),
    ),
  );
}

function asObject(schema: z.ZodType): z.ZodObject {
  if (schema instanceof z.ZodObject) return schema;
  throw new Error('parameters must be described by a z.object');
}
