import request from 'supertest';
import { recordingLogger } from '../testing';
import { createLifecycle } from './lifecycle';
import { kitProblems } from './problem';
import { createServiceApp } from './service-app';

function setUp() {
  return createServiceApp({
    info: { title: 'a service', version: '1.0.0', description: 'For a test.' },
    logger: recordingLogger().logger,
    lifecycle: createLifecycle(),
    problems: kitProblems,
    endpoints: [],
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

  it('serves a page of which every part comes from this process', async () => {
    const app = setUp();
    const { text, headers } = await request(app).get('/docs').expect(200);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    const parts = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url!);
    expect(parts).toHaveLength(4);
    for (const part of parts) {
      expect(part).toMatch(/^\/docs\//);
      await request(app).get(part).expect(200);
    }
  });
});
