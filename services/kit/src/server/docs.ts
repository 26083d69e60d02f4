import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { z } from 'zod';
import type { Admission } from '../admission/admission';
import { page, pageStyle, startScript } from './docs-page';
import { endpoint, type Endpoint } from './endpoint';
import type { HeaderList } from '../problem/header-list';
import { openApiDocument, type ExtraDocumentation, type ServiceInfo } from './openapi';
import type { ProblemTable } from '../problem/problem';
import { dataHeaders, send, sendJson } from './responses';
import { securityHeaders } from './security-headers';
import {
  createSendFile,
  fileEndpoint,
  fileHeaders,
  fileRequestHeaders,
  notModified,
} from './static-file';

/** Lets the page load from this server and call it, but no other. Swagger UI needs inline styles. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";
const pageHeaders: HeaderList = [
  ...[...securityHeaders, 'Content-Security-Policy', POLICY],
  ...['Cache-Control', 'public, max-age=3600'],
];

const documentationTag = {
  name: 'Documentation',
  description: 'This page, and the OpenAPI document behind it.',
};

/** A page of static files. */
export interface Page {
  /** What a browser gets at `/`. */
  html: () => string | Buffer;
  headers: HeaderList;
  /** The files that it loads. They are not in the OpenAPI document. */
  files: readonly Endpoint[];
}

/**
 * Creates `/`, which is the page, or links to the rest; `/openapi.json`, which describes these endpoints, webhooks and
 * schemas; and `/docs`, which shows that document. `/docs` loads everything from this process, so it works without a
 * network.
 */
export function docsEndpoints(
  info: ServiceInfo,
  endpoints: readonly Endpoint[],
  problems: ProblemTable,
  admission: Pick<Admission, 'requirement'>,
  more: ExtraDocumentation & {
    links?: Readonly<Record<string, string>>;
    page?: Page | undefined;
  } = {},
): Endpoint[] {
  const home = homeEndpoint(info, more.links ?? {}, more.page);
  const openapi = fileEndpoint(
    '/openapi.json',
    { operationId: 'getOpenApi', summary: 'The OpenAPI document', tag: documentationTag },
    { description: 'An OpenAPI 3.1 document.', schema: z.looseObject({}) },
    () => document,
    ['Content-Type', 'application/json; charset=utf-8', ...dataHeaders],
  );
  const docs = fileEndpoint(
    '/docs',
    { operationId: 'getDocs', summary: 'This page', tag: documentationTag },
    { description: 'The page.', schema: z.string(), contentType: 'text/html' },
    () => page(info.title),
    ['Content-Type', 'text/html; charset=utf-8', ...pageHeaders],
  );
  const all = [...endpoints, home, openapi, docs];
  const document = JSON.stringify(openApiDocument(info, all, problems, admission, more));
  return [
    home,
    openapi,
    docs,
    asset('start.js', 'text/javascript', () => startScript),
    asset('page.css', 'text/css', () => pageStyle),
    asset('swagger-ui-bundle.js', 'text/javascript'),
    asset('swagger-ui.css', 'text/css'),
    asset('favicon-32x32.png', 'image/png'),
    ...(more.page?.files ?? []),
  ];
}

const homeSchema = z
  .object({
    name: z.string(),
    version: z.string(),
    description: z.string(),
    links: z.record(z.string(), z.string()).meta({ description: 'Paths by name.' }),
  })
  .meta({ id: 'Home' });

/** `GET /`: a client gets links in JSON, a browser gets the page or, without one, a redirect to the docs page. */
function homeEndpoint(
  { title, version, description }: ServiceInfo,
  links: Readonly<Record<string, string>>,
  page: Page | undefined,
): Endpoint {
  const home = JSON.stringify({
    name: title,
    version,
    description,
    links: { ...links, docs: '/docs', openapi: '/openapi.json', health: '/health' },
  });
  const sendPage = page && createSendFile(page.html, page.headers);
  const inJson = { description: 'The service, with links to its API.', schema: homeSchema };
  const responses = page
    ? {
        200: {
          description: `${inJson.description} For a client that prefers HTML: the page.`,
          schema: homeSchema,
          otherBodies: { 'text/html': z.string() },
          headers: fileHeaders,
        },
        304: notModified,
      }
    : {
        200: inJson,
        303: {
          description: 'For a client that prefers HTML: see the docs page.',
          headers: { Location: '`/docs`' },
        },
      };
  return endpoint(
    {
      method: 'get',
      path: '/',
      operationId: 'getHome',
      tag: documentationTag,
      summary: 'Links to the API',
      access: 'public',
      ...(page && { requestHeaders: fileRequestHeaders }),
      responses,
    },
    ({ req, res }) => {
      res.vary('Accept');
      // JSON comes first: a client without a preference gets it.
      if (req.accepts('json', 'html') !== 'html') sendJson(res, 200, home);
      else if (sendPage) return sendPage(req, res);
      else send(res, 303, '', securityHeaders, ['Location', '/docs']);
      return undefined;
    },
  );
}

/** A file of the page, not in the OpenAPI document. It comes from Swagger UI unless `read` is given. */
function asset(name: string, type: string, read = () => fromSwaggerUi(name)): Endpoint {
  const path = `/docs/${name}`;
  const contentType = type.startsWith('text/') ? `${type}; charset=utf-8` : type;
  const about = { operationId: `get ${path}`, summary: 'A part of the documentation page' };
  const headers = ['Content-Type', contentType, ...pageHeaders];
  return fileEndpoint(path, about, { description: 'The file.' }, read, headers);
}

function fromSwaggerUi(name: string): string | Buffer {
  return readFileSync(createRequire(__filename).resolve(`swagger-ui-dist/${name}`));
}
