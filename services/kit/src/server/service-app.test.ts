import request from 'supertest';
import { z } from 'zod';
import { createComponentCheck, recordingLogger } from '../../testing';
import { createLifecycle } from './lifecycle';
import type { ExtraDocumentation } from './openapi';
import { kitProblems } from '../problem/problem';
import { createServiceApp } from './service-app';

function setUp(more: ExtraDocumentation = {}) {
  return createServiceApp({
    info: { title: 'a service', version: '1.0.0', description: 'For a test.' },
    logger: recordingLogger().logger,
    lifecycle: createLifecycle(),
    problems: kitProblems,
    endpoints: [],
    ...more,
  });
}

describe('createServiceApp', () => {
  it('publishes an OpenAPI 3.1 document of the endpoints', async () => {
    const { body } = await request(setUp()).get('/openapi.json').expect(200);
    expect(body).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'a service' },
      paths: { '/readyz': { get: { responses: { 200: {}, 503: {}, 500: {} } } } },
      components: { schemas: { Problem: {}, Readiness: {} } },
    });
  });

  it('publishes schemas that no endpoint uses, and their nested schemas, by name', async () => {
    const leaf = z.object({ size: z.int() }).meta({ id: 'Leaf' });
    const tree = z.object({ leaves: z.array(leaf) }).meta({ id: 'Tree' });
    const { body } = await request(setUp({ schemas: [tree] }))
      .get('/openapi.json')
      .expect(200);
    const check = createComponentCheck(body as object);
    check('Tree', { leaves: [{ size: 1 }] });
    check('Leaf', { size: 1 });
    expect(() => {
      check('Tree', { leaves: [{ size: 'large' }] });
    }).toThrow('must be integer');
  });

  it('serves a page whose parts all come from this process', async () => {
    const app = setUp();
    const { text, headers } = await request(app).get('/docs').expect(200);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    const parts = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url!);
    expect(parts).toHaveLength(5);
    for (const part of parts) {
      expect(part).toMatch(/^\/docs\//);
      await request(app).get(part).expect(200);
    }
  });
});
