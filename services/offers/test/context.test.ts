import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessageBus } from '@loan-buddy/kit/messaging';
import { recordingLogger, startHttpServer, until } from '@loan-buddy/kit/testing';
import request from 'supertest';
import { readConfig, type Config } from '../src/config';
import { openContext } from '../src/context';
import { anOrder } from './builders';
import { useService } from './service';
import { fillFolder } from './embedded-database';

const aService = useService();

const folder = mkdtempSync(join(tmpdir(), 'context-'));
beforeAll(() => fillFolder(folder));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const open = (config: Partial<Config>) =>
  openContext({ ...readConfig({ DATA_DIR: folder }), ...config }, recordingLogger());

describe('the context', () => {
  it('closes the database if the rest cannot be built', async () => {
    const create = () => {
      throw new Error('cannot be built');
    };
    const broken = { PROVIDERS_FILE: [{ name: 'Broken', offerIds: [], create }] };
    await expect(open(broken)).rejects.toThrow('cannot be built');
    // Otherwise, its folder would be in use.
    const { stop, close } = await open({});
    await stop();
    await close();
  });

  it('runs no worker before its start, and closes what it opened', async () => {
    const asked: string[] = [];
    const server = await startHttpServer((req, res) => {
      asked.push(req.url!);
      res.end('{"status":"APPROVED"}');
    });
    const config = { CONFIRM_PAYMENT_URL: server.url };
    const { orders, log, start, stop, close } = await open(config);
    const order = anOrder();
    await orders.insert(order, 0);
    expect(asked).toEqual([]);
    start();
    await until(async () => (await orders.find(order.id))?.status === 'APPROVED');
    await stop();
    // The workers have stopped, and requests in progress still have their connections.
    expect(await log.listByOrder(order.id)).toHaveLength(2);
    await close();
    await until(() => server.connections() === 0);
    await expect(orders.find(order.id)).rejects.toThrow();
    expect(asked).toEqual(['/confirm-payment']);

    const next = await open({});
    expect(await next.orders.find(order.id)).toMatchObject({ status: 'APPROVED' });
    await next.stop();
    await next.close();
    await server.close();
  });

  it('gets decisions over Pub/Sub once it is started', async () => {
    const topics: string[] = [];
    const handlers = new Map<string, (body: string) => Promise<void>>();
    const bus: MessageBus = {
      publish: async (topic, { orderingKey }) => {
        topics.push(topic);
        const data = { order_id: orderingKey, status: 'REJECTED' };
        const decided = { specversion: '1.0', type: 'com.loanbuddy.payment.decided', data };
        await handlers.get('loan-buddy-decisions-offers')!(JSON.stringify(decided));
      },
      subscribe: (name, { handle }) => handlers.set(name, handle),
      close: () => Promise.resolve(),
    };
    const { app, orders, start, stop } = aService({ APPROVAL_TRANSPORT: 'pubsub', bus });
    const order = anOrder();
    await orders.insert(order, 0);
    expect(handlers.size).toBe(0);
    start();
    await until(async () => (await orders.find(order.id))?.status === 'REJECTED');
    await stop();
    expect(topics).toEqual(['loan-buddy-checkouts']);
    const { body } = await request(app).get('/readyz').expect(200);
    expect(body).toMatchObject({ detail: { confirm_payment: 'asked over Pub/Sub' } });
  });
});
