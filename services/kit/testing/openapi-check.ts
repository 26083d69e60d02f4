import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020';

interface Described {
  headers?: Record<string, unknown>;
  content?: Record<string, { schema?: object }>;
}

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, Described> }>>;
}

/** Headers that tell a client something of its own request: none may be sent undocumented. */
const tellingHeaders = [
  'Age',
  'ETag',
  'Idempotent-Replayed',
  'Preference-Applied',
  'Link',
  'Location',
  'Missing-Providers',
  'Partial-Providers',
  'Retry-After',
  'Server-Timing',
  'Stale-Providers',
  'X-Request-Id',
];

/** Checks the body of a webhook against the document that announces it. Throws where it does not fit. */
export function createWebhookCheck(document: object) {
  const ajv = newAjv(document);
  return (name: string, body: unknown): void => {
    const validate = ajv.getSchema(
      `openapi#/webhooks/${name}/post/requestBody/content/application~1json/schema`,
    );
    if (!validate) throw new Error(`the webhook ${name} is not documented`);
    if (!validate(body)) throw new Error(`${name}: ${ajv.errorsText(validate.errors)}`);
  };
}

function newAjv(document: object): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema(document, 'openapi');
  return ajv;
}

/** A response as tests get it. */
export interface SeenResponse {
  status: number;
  headers: Record<string, unknown>;
  body: unknown;
}

/** What {@link createOpenApiCheck} makes of a document. */
export interface OpenApiCheck {
  /** Throws where the response is not as the document has it. */
  (method: string, path: string, response: SeenResponse): void;
  /** The operations, such as `GET /path`, of which no answer was checked so far that is no problem. */
  unchecked: () => string[];
}

/**
 * Checks responses against an OpenAPI 3.1 document: the status must be documented for the operation, with the content
 * type that was sent, and the body must fit its schema.
 */
export function createOpenApiCheck(document: object): OpenApiCheck {
  const { paths } = document as Document;
  const ajv = newAjv(document);
  const unchecked = new Set(
    Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    ),
  );

  const check = (method: string, path: string, response: SeenResponse): void => {
    const operation = paths[path]?.[method.toLowerCase()];
    if (!operation) throw new Error(`${method} ${path} is not documented`);
    const described = operation.responses[String(response.status)];
    const where = `${method} ${path} ${String(response.status)}`;
    if (!described) throw new Error(`${where} is not documented`);
    for (const name of tellingHeaders) {
      if (name.toLowerCase() in response.headers && !(name in (described.headers ?? {}))) {
        throw new Error(`${where} is not documented to carry ${name}`);
      }
    }
    checkBody(where, described, [path, method.toLowerCase()], response);
    if (response.status < 400) unchecked.delete(`${method.toUpperCase()} ${path}`);
  };

  function checkBody(
    where: string,
    { content }: Described,
    operation: readonly string[],
    { status, headers, body }: SeenResponse,
  ): void {
    if (!content) return;
    const type = String(headers['content-type']).replace(/; *charset=.*/, '');
    if (!content[type]) throw new Error(`${where} is not documented as ${type}`);
    const pointer = ['paths', ...operation, 'responses', String(status), 'content', type, 'schema']
      .map((token) => encodeURIComponent(token.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/');
    const validate = ajv.getSchema(`openapi#/${pointer}`);
    if (!validate) throw new Error(`${where} has no schema for ${type}`);
    if (!validate(body)) throw new Error(`${where}: ${ajv.errorsText(validate.errors)}`);
  }

  return Object.assign(check, { unchecked: () => [...unchecked] });
}
