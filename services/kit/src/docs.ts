import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Admission } from './admission/admission';
import { endpoint, type Endpoint } from './endpoint';
import { openApiDocument, type MoreToDocument, type ServiceInfo } from './openapi';
import type { ProblemTable } from './problem';
import { reply, replyJson, securityHeaders } from './reply';

/** Lets the page run what this server sends and talk to it, and nothing else; Swagger UI styles its parts inline. */
const pageHeaders = [
  ...securityHeaders,
  'Content-Security-Policy',
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'",
  'Cache-Control',
  'public, max-age=3600',
];

const assets = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
} as const;

const page = (title: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${title}</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
    <link rel="icon" href="/docs/favicon-32x32.png" />
  </head>
  <body>
    <div id="docs"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

const startScript = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', validatorUrl: null });\n`;

/**
 * `/openapi.json`, which describes these endpoints, webhooks and schemas, and a page that shows it at `/docs`.
 * Everything the page needs comes from this process: it works without a network.
 */
export function docsEndpoints(
  info: ServiceInfo,
  endpoints: readonly Endpoint[],
  problems: ProblemTable,
  admission: Pick<Admission, 'requirement'>,
  more?: MoreToDocument,
): Endpoint[] {
  const document = JSON.stringify(openApiDocument(info, endpoints, problems, admission, more));
  const asset = (path: string, contentType: string, content: () => string | Buffer) =>
    endpoint(
      {
        method: 'get',
        path,
        operationId: `get ${path}`,
        summary: 'A part of the documentation page',
        access: 'public',
        responses: { 200: { description: 'The file.', contentType } },
      },
      ({ res }) => {
        reply(res, 200, content(), pageHeaders, ['Content-Type', contentType]);
      },
    );
  return [
    endpoint(
      {
        method: 'get',
        path: '/openapi.json',
        operationId: 'getOpenApi',
        summary: 'This description',
        access: 'public',
        responses: { 200: { description: 'An OpenAPI 3.1 document.' } },
      },
      ({ res }) => {
        replyJson(res, 200, document);
      },
    ),
    asset('/docs', 'text/html; charset=utf-8', () => page(info.title)),
    asset('/docs/start.js', 'text/javascript; charset=utf-8', () => startScript),
    ...Object.entries(assets).map(([file, contentType]) =>
      asset(`/docs/${file}`, contentType, readOnce(file)),
    ),
  ];
}

/** The file's content, read when it is first asked for. */
function readOnce(file: string): () => Buffer {
  let content: Buffer | undefined;
  return () =>
    (content ??= readFileSync(createRequire(__filename).resolve(`swagger-ui-dist/${file}`)));
}
