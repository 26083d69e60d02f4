/** The page at `/docs`: Swagger UI, its start script and a few style rules. */

export function page(title: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${title}</title>
    <link rel="stylesheet" href="/docs/swagger-ui.css" />
    <link rel="stylesheet" href="/docs/page.css" />
    <link rel="icon" href="/docs/favicon-32x32.png" />
  </head>
  <body>
    <div id="docs"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;
}

/** Hides repetition: the body of problems, which all have one schema; JSON as the only choice; empty columns. */
export const pageStyle = `
.response:has(option[value='application/problem+json']) :is(.response-controls, .model-example, details),
.response:has(option[value='application/json']:only-child) .response-controls,
.response-col_links {
  display: none;
}
.swagger-ui .info { margin: 24px 0; }
.swagger-ui .responses-table .response > td { padding-top: 6px; }
.swagger-ui .renderedMarkdown p { margin: 4px 0; }
.swagger-ui .parameters td { padding-bottom: 4px; }
.swagger-ui details > summary { cursor: pointer; font-size: 12px; margin-top: 4px; }
`;

/**
 * Starts Swagger UI. Response headers are folded away. The id in a response (order-…, wh-…, msg_…) replaces the example
 * in the path of every operation on the same kind of thing, so that the order you just made is the one you read next.
 */
export const startScript = `
const ui = SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#docs',
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
  // DELETE comes last: the other operations need what it removes.
  operationsSorter: (a, b) => (a.get('method') === 'delete') - (b.get('method') === 'delete'),
  plugins: [{ wrapComponents: { headers: foldAway } }],
  responseInterceptor: (response) => {
    rememberId([response.obj].flat()[0]?.id);
    return response;
  },
});

function foldAway(Headers, { React }) {
  return (props) =>
    React.createElement(
      'details',
      null,
      React.createElement('summary', null, 'Response headers'),
      React.createElement(Headers, props),
    );
}

function rememberId(id) {
  const kind = /^[a-z]+[-_]/.exec(id)?.[0];
  if (!kind) return;
  const { paths } = ui.specSelectors.specJson().toJS();
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { parameters = [] }] of Object.entries(operations)) {
      for (const { in: place, name, schema } of parameters) {
        if (place === 'path' && schema.example?.startsWith(kind)) {
          ui.specActions.changeParam([path, method], name, place, id, false);
        }
      }
    }
  }
}
`;
