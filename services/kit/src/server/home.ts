import { z } from 'zod';
import { endpoint, type Endpoint, type Tag } from './endpoint';
import type { ServiceInfo } from './openapi';
import { send, sendJson } from './responses';
import { securityHeaders } from './security-headers';

const homeSchema = z
  .object({
    name: z.string(),
    version: z.string(),
    description: z.string(),
    links: z.record(z.string(), z.string()).meta({ description: 'Paths by name.' }),
  })
  .meta({ id: 'Home' });

/** `GET /`: a client gets links in JSON, a browser gets a redirect to the docs page. */
export function homeEndpoint(
  { title, version, description }: ServiceInfo,
  tag: Tag,
  links: Readonly<Record<string, string>> = {},
): Endpoint {
  const home = JSON.stringify({
    name: title,
    version,
    description,
    links: { ...links, docs: '/docs', openapi: '/openapi.json', health: '/health' },
  });
  return endpoint(
    {
      method: 'get',
      path: '/',
      operationId: 'getHome',
      tag,
      summary: 'Links to the API',
      access: 'public',
      responses: {
        200: { description: 'The service, with links to its API.', schema: homeSchema },
        303: {
          description: 'For a client that prefers HTML: see the docs page.',
          headers: { Location: '`/docs`' },
        },
      },
    },
    ({ req, res }) => {
      const vary = ['Vary', 'Accept'];
      // JSON comes first: a client without a preference gets it.
      if (req.accepts('json', 'html') !== 'html') sendJson(res, 200, home, vary);
      else send(res, 303, '', securityHeaders, [...vary, 'Location', '/docs']);
    },
  );
}
