import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020';

interface Described {
  headers?: Record<string, unknown>;
  content?: Record<string, { schema?: object }>;
}

interface Document {
  paths: Record<string, Record<string, { responses: Record<string, Described> }>>;
}

/** Headers that a document need not describe. */
const ignoredHeaders = new Set([
  // HTTP's own headers: of the connection, the message and its body.
  ...[
    'connection',
    'content-encoding',
    'content-length',
    'content-type',
    'date',
    'keep-alive',
    'transfer-encoding',
  ],
  'vary',
  // For browsers, the same on every response.
  ...['content-security-policy', 'cross-origin-resource-policy', 'referrer-policy'],
  ...['strict-transport-security', 'x-content-type-options', 'x-frame-options'],
]);

/** Problems that can affect any request before it reaches an endpoint: documented together as `default`. */
const anyProblem = [405, 408, 414, 431];

/** Checks the body of a webhook against its document. Throws if it does not match. */
export function createWebhookCheck(document: object) {
  return createCheck(
    document,
    (name) => `webhooks/${name}/post/requestBody/content/application~1json/schema`,
  );
}

/** Checks values against the named component schemas of a document. Throws if one does not match. */
export function createComponentCheck(document: object) {
  return createCheck(document, (name) => `components/schemas/${name}`);
}

function createCheck(document: object, pointerTo: (name: string) => string) {
  const ajv = newAjv(document);
  return (name: string, value: unknown): void => {
    const validate = ajv.getSchema(`openapi#/${pointerTo(name)}`);
    if (!validate) throw new Error(`${name} is not documented`);
    if (!validate(value)) throw new Error(`${name}: ${ajv.errorsText(validate.errors)}`);
  };
}

function newAjv(document: object): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema(document, 'openapi');
  return ajv;
}

export interface TestResponse {
  status: number;
  headers: Record<string, unknown>;
  body: unknown;
}

export interface OpenApiCheck {
  /** Throws if the response does not match the document. */
  (method: string, path: string, response: TestResponse): void;
  /** The operations, such as `GET /path`, without a checked response so far, apart from problems. */
  unchecked: () => string[];
}

/**
 * Checks responses against an OpenAPI 3.1 document: the operation must document the status, the content type and every
 * header of the response, and the body must match the schema.
 */
export function createOpenApiCheck(document: object): OpenApiCheck {
  const { paths } = document as Document;
  const ajv = newAjv(document);
  const unchecked = new Set(
    Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    ),
  );

  const check = (method: string, path: string, response: TestResponse): void => {
    const operation = paths[path]?.[method.toLowerCase()];
    if (!operation) throw new Error(`${method} ${path} is not documented`);
    const key = anyProblem.includes(response.status) ? 'default' : String(response.status);
    const described = operation.responses[key];
    const where = `${method} ${path} ${String(response.status)}`;
    if (!described) throw new Error(`${where} is not documented`);
    const documented = Object.keys(described.headers ?? {}).map((name) => name.toLowerCase());
    const undocumented = Object.keys(response.headers).filter(
      (name) => !ignoredHeaders.has(name) && !documented.includes(name),
    );
    if (undocumented.length > 0) {
      throw new Error(`${where} has undocumented headers: ${undocumented.join(', ')}`);
    }
    checkBody(where, described, [path, method.toLowerCase(), 'responses', key], response);
    if (response.status < 400) unchecked.delete(`${method.toUpperCase()} ${path}`);
  };

  function checkBody(
    where: string,
    { content }: Described,
    place: readonly string[],
    { headers, body }: TestResponse,
  ): void {
    if (!content) return;
    const type = String(headers['content-type']).replace(/; *charset=.*/, '');
    if (!content[type]) throw new Error(`${where} is not documented as ${type}`);
    const pointer = ['paths', ...place, 'content', type, 'schema']
      .map((token) => encodeURIComponent(token.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/');
    const validate = ajv.getSchema(`openapi#/${pointer}`);
    if (!validate) throw new Error(`${where} has no schema for ${type}`);
    if (!validate(body)) throw new Error(`${where}: ${ajv.errorsText(validate.errors)}`);
  }

  return Object.assign(check, { unchecked: () => [...unchecked] });
}
