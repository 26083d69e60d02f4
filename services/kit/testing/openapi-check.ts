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
  return createCheck(
    document,
    (name) => `webhooks/${name}/post/requestBody/content/application~1json/schema`,
  );
}

/** Checks values against the named schemas of a document, its components. Throws where one does not fit. */
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

/** A response as tests get it. */
export interface SeenResponse {
  status: number;
  headers: Record<string, unknown>;
  body: unknown;
}

/**
 * Checks responses against an OpenAPI 3.1 document: the status must be documented for the operation, with the content
 * type that was sent, and the body must fit its schema. Throws where one does not.
 */
export function createOpenApiCheck(document: object) {
  const { paths } = document as Document;
  const ajv = newAjv(document);

  return (method: string, path: string, response: SeenResponse): void => {
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
    if (!described.content) return;
    const type = String(response.headers['content-type']).replace(/; *charset=.*/, '');
    if (!described.content[type]) throw new Error(`${where} is not documented as ${type}`);
    const pointer = ['paths', path, method.toLowerCase(), 'responses', String(response.status)]
      .concat('content', type, 'schema')
      .map((token) => encodeURIComponent(token.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/');
    const validate = ajv.getSchema(`openapi#/${pointer}`);
    if (!validate) throw new Error(`${where} has no schema for ${type}`);
    if (!validate(response.body)) throw new Error(`${where}: ${ajv.errorsText(validate.errors)}`);
  };
}
