import {
  OpenApiGeneratorV31,
  OpenAPIRegistry,
  type ResponseConfig,
} from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { BEARER_SCHEME, type Admission } from '../admission/admission';
import type { Endpoint, EndpointResponse, RequestHeader } from './endpoint';
import { problemResponses } from './openapi-problems';
import { BODY_LIMIT_BYTES, MAX_URL_LENGTH, type ProblemTable } from '../problem/problem';

export type ServiceInfo = Record<'title' | 'version' | 'description', string>;

/** A message that the service sends to each receiver that registered for it. */
export interface Webhook {
  name: string;
  summary: string;
  body: z.ZodType;
  /** The headers it is sent with, by name, each with its meaning. */
  headers: Readonly<Record<string, string>>;
  /** What each response of the receiver causes. */
  responses: Readonly<Record<string, string>>;
}

export type OpenApiDocument = ReturnType<OpenApiGeneratorV31['generateDocument']>;

export interface ExtraDocumentation {
  webhooks?: readonly Webhook[] | undefined;
  /** Schemas that no endpoint uses. Each one with an `id` in its meta becomes a component, nested ones too. */
  schemas?: readonly z.ZodType[] | undefined;
}

/** Creates the OpenAPI 3.1 document of these endpoints and webhooks, from the schemas that validate. */
export function openApiDocument(
  info: ServiceInfo,
  endpoints: readonly Endpoint[],
  problems: ProblemTable,
  admission: Pick<Admission, 'requirement'>,
  { webhooks = [], schemas = [] }: ExtraDocumentation = {},
): OpenApiDocument {
  const registry = new OpenAPIRegistry();
  const needsTokens = endpoints.some((each) => admission.requirement(each.contract.access).length);
  if (needsTokens) registry.registerComponent('securitySchemes', BEARER_SCHEME, bearerScheme);
  for (const [name, description] of Object.entries(commonHeaders)) {
    registry.registerComponent('headers', name, header(description));
  }
  for (const webhook of webhooks) registerWebhook(registry, webhook);
  for (const { contract } of endpoints) {
    const { access, method, path, operationId, tag, summary, description } = contract;
    const security = admission.requirement(access);
    const common = access === 'always' ? probeHeaders : Object.keys(commonHeaders);
    const responses = {
      ...problemResponses(contract, security.length > 0, problems),
      ...contract.responses,
    };
    registry.registerPath({
      method,
      path,
      operationId,
      summary,
      ...(tag && { tags: [tag.name] }),
      ...(description !== undefined && { description }),
      ...(needsTokens && { security }),
      request: requestConfig(contract),
      responses: mapValues<EndpointResponse, ResponseConfig>(responses, (response) =>
        responseConfig(response, common, contract.headers),
      ),
    });
  }
  const components = schemas.map((schema) => ({ type: 'schema' as const, schema }));
  return new OpenApiGeneratorV31([...components, ...registry.definitions]).generateDocument({
    openapi: '3.1.0',
    info: { ...info, description: `${info.description}\n\n${RULES}` },
    tags: [...new Set(endpoints.flatMap(({ contract }) => contract.tag ?? []))],
  });
}

const RULES = `Errors are \`application/problem+json\` (RFC 9457) with a stable \`code\`: see *Problem* under Schemas.

A body is one JSON object in UTF-8 (RFC 8259; \`charset\` may be \`utf-8\`, \`utf8\` or \`us-ascii\`), of at most ${String(BODY_LIMIT_BYTES)} bytes after decompression. A URL has at most ${String(MAX_URL_LENGTH)} characters, percent-encoded in UTF-8. A query parameter that the operation does not know, or that is repeated, is refused.`;

const bearerScheme = {
  type: 'http',
  scheme: 'bearer',
  bearerFormat: 'JWT',
  description: 'A JSON Web Token (RFC 6750, RFC 7519); each operation names the scope it needs.',
} as const;

/** The headers of every response. Those about quotas are sent only if a quota applies. */
const commonHeaders = {
  'X-Request-Id': 'The id of the request in the logs.',
  'Cache-Control': '`no-store`: do not cache it.',
  'RateLimit-Policy': 'The quota, if there is one (RateLimit header fields for HTTP).',
  RateLimit: 'What is left of the quota, and the seconds until it resets.',
};
const probeHeaders = ['X-Request-Id', 'Cache-Control'];

function registerWebhook(registry: OpenAPIRegistry, webhook: Webhook): void {
  const { name, summary, body, headers, responses } = webhook;
  registry.registerWebhook({
    method: 'post',
    path: name,
    summary,
    request: {
      body: { required: true, content: { 'application/json': { schema: body } } },
      headers: requestHeaders(headers),
    },
    responses: mapValues(responses, (description) => ({ description })),
  });
}

function requestConfig(contract: Endpoint['contract']) {
  const { params, query, body, bodyExample } = contract;
  const example = bodyExample === undefined ? {} : { example: bodyExample };
  return {
    ...(params && { params }),
    ...(query && { query }),
    ...(body && {
      body: { required: true, content: { 'application/json': { schema: body, ...example } } },
    }),
    headers: requestHeaders({
      ...contract.requestHeaders,
      'X-Request-Id':
        'Identifies the request in the logs of this service and of those it calls; generated if missing.',
    }),
  };
}

function responseConfig(
  {
    description,
    schema,
    contentType = 'application/json',
    otherBodies = {},
    example,
    headers,
  }: EndpointResponse,
  common: readonly string[],
  contractHeaders: EndpointResponse['headers'],
): ResponseConfig {
  return {
    description,
    ...(schema && {
      content: {
        ...Object.fromEntries(
          [contentType]
            .flat()
            .map((type) => [type, { schema, ...(example !== undefined && { example }) }]),
        ),
        ...mapValues(otherBodies, (other) => ({ schema: other })),
      },
    }),
    headers: {
      ...Object.fromEntries(common.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
      ...mapValues({ ...contractHeaders, ...headers }, header),
    },
  };
}

function header(description: string) {
  return { description, schema: { type: 'string' } } as const;
}

function requestHeaders(headers: Readonly<Record<string, RequestHeader>>): z.ZodObject {
  return z.object(
    mapValues(headers, (about) => {
      const meta = typeof about === 'string' ? { description: about } : about;
      return z.string().optional().meta(meta);
    }),
  );
}

function mapValues<From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
