import { gzipSync } from 'node:zlib';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  recordingLogger,
  startHttpServer,
  startTcpServer,
  type LocalServer,
} from '@loan-buddy/kit/testing';
import request from 'supertest';
import { createProviders, providersSchema } from '../src/catalogue/providers/provider-config';
import { useService, threeMocks } from './service';

const aService = useService();

const MIB = 1024 * 1024;

/** Repeats an action until the other side disconnects. */
function keepAt(target: Socket | ServerResponse, everyMs: number, act: () => void): void {
  const timer = setInterval(act, everyMs);
  target.on('close', () => {
    clearInterval(timer);
  });
}

const hostile: Record<string, { reason: string; start: () => Promise<LocalServer> }> = {
  'Endless body': {
    reason: 'too-large',
    start: () =>
      startHttpServer((_, res) => {
        const chunk = Buffer.alloc(MIB, ' ');
        keepAt(res, 1, () => res.write(chunk));
      }),
  },
  'Gzip bomb': {
    reason: 'too-large',
    start: () => {
      const bomb = gzipSync(Buffer.alloc(100 * MIB, ' '));
      return startHttpServer((_, res) => {
        res.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
      });
    },
  },
  'Header flood': {
    reason: 'error',
    start: () =>
      startTcpServer((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        keepAt(socket, 1, () => socket.write(`x: ${'y'.repeat(10_000)}\r\n`));
      }),
  },
  'Slow trickle': {
    reason: 'timeout',
    start: () =>
      startHttpServer((_, res) => {
        keepAt(res, 10, () => res.write(' '));
      }),
  },
  'Redirect to an internal address': {
    reason: 'error',
    start: () =>
      startHttpServer((_, res) => {
        res.writeHead(302, { location: 'http://127.0.0.1:1/latest/meta-data' }).end();
      }),
  },
  'Redirect without end': {
    reason: 'invalid',
    start: () =>
      startHttpServer((req, res) => {
        res.writeHead(302, { location: `${req.url!}x` }).end();
      }),
  },
  'Deeply nested JSON': {
    reason: 'too-large',
    start: () => {
      const nested = '['.repeat(2 * MIB) + ']'.repeat(2 * MIB);
      return startHttpServer((_, res) => {
        res.end(nested);
      });
    },
  },
  'Cut connection': {
    reason: 'error',
    start: () =>
      startTcpServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{')),
  },
  'No HTTP': { reason: 'error', start: () => startTcpServer((socket) => socket.end('+PONG\r\n')) },
};

describe('GET /offers among hostile providers', () => {
  it('returns the other providers’ offers, names each failure with its reason, and keeps memory flat', async () => {
    const servers = await Promise.all(Object.values(hostile).map(({ start }) => start()));
    const { logger } = recordingLogger();
    const listed = providersSchema.parse({
      providers: Object.entries(hostile).map(([name, { reason }], i) => ({
        type: 'cdr',
        name,
        brand_id: String(i),
        base_uri: servers[i]!.url,
        // Only the endless one reaches its deadline; the others have time to fail on their own.
        timeout_ms: reason === 'timeout' ? 200 : 600_000,
      })),
    });
    const created = createProviders(listed, { timeoutMs: 1000, allowPrivate: true, logger });
    try {
      const { app } = aService({
        providers: [...created.providers, ...threeMocks()],
        PROVIDER_TIMEOUT_MS: 600_000,
        BREAKER_FAILURES: 1000,
      });
      const list = () => request(app).get('/offers').expect(200);
      await list();
      const before = process.memoryUsage().rss;
      for (let round = 0; round < 5; round++) {
        const response = await list();
        expect(response.body).toHaveLength(3);
        expect(response.headers['missing-providers']?.split(', ')).toEqual(
          Object.entries(hostile).map(([name, { reason }]) => `"${name}";reason=${reason}`),
        );
      }
      expect(process.memoryUsage().rss - before).toBeLessThan(200 * MIB);
    } finally {
      await created.close();
      await Promise.all(servers.map((server) => server.close()));
    }
  });

  it('waits for none of them beyond its own deadline', async () => {
    const servers = await Promise.all(Object.values(hostile).map(({ start }) => start()));
    const { logger } = recordingLogger();
    const listed = providersSchema.parse({
      providers: servers.map(({ url }, i) => ({
        type: 'cdr',
        name: `Bank ${String(i)}`,
        brand_id: String(i),
        base_uri: url,
        timeout_ms: 600_000,
      })),
    });
    const created = createProviders(listed, { timeoutMs: 1000, allowPrivate: true, logger });
    try {
      const { app } = aService({
        providers: [...created.providers, ...threeMocks()],
        PROVIDER_TIMEOUT_MS: 50,
      });
      // Without the deadline, the test would hang: the slow trickle does not end.
      const { body, headers } = await request(app).get('/offers').expect(200);
      expect(body).toHaveLength(3);
      const slow = Object.keys(hostile).indexOf('Slow trickle');
      expect(headers['missing-providers']).toContain(`"Bank ${String(slow)}";reason=timeout`);
    } finally {
      await created.close();
      await Promise.all(servers.map((server) => server.close()));
    }
  });

  it('calls no provider on an internal address, unless allowed', async () => {
    const { logger } = recordingLogger();
    const bases = ['http://169.254.169.254', 'https://127.0.0.1:1', 'https://localhost:1'];
    const listed = providersSchema.parse({
      providers: bases.map((base, i) => ({
        type: 'cdr',
        name: `Bank ${String(i)}`,
        brand_id: String(i),
        base_uri: base,
      })),
    });
    const created = createProviders(listed, { timeoutMs: 1000, allowPrivate: false, logger });
    const { app } = aService({ providers: created.providers });
    const { body } = await request(app).get('/offers').expect(503);
    expect((body as { missing: unknown[] }).missing).toEqual(
      bases.map((_, i) => ({ provider: `Bank ${String(i)}`, reason: 'forbidden-address' })),
    );
    await created.close();
  });
});
