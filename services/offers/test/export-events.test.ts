import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { allButTimeouts, startApp, until } from '@loan-buddy/kit/testing';
import { sql } from 'kysely';
import request from 'supertest';
import { createApp } from '../src/app';
import { orderEventSchema, type OrderEvent } from '../src/domain/order-event';
import type { EventLog } from '../src/events/event-log';
import { useService } from './service';
import { useDatabase } from './database';

const database = useDatabase();
const aService = useService(database);
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  jest.useRealTimers();
  for (const close of closers.splice(0).reverse()) await close();
});

const EVENTS = 20_000;

beforeAll(async () => {
  const { db } = database();
  const { app } = aService();
  await request(app).post('/checkout').send({ user_id: 'cristina', loan_id: 'offer2' }).expect(201);
  await sql`
    insert into order_events (order_id, type, data)
    select order_id, type, data from order_events, generate_series(1, ${EVENTS / 2 - 1})`.execute(
    db,
  );
});

const rowsOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((row) => JSON.parse(row) as OrderEvent);

/** The service on a real server, and how many pages of events it has read. */
async function serve() {
  const service = aService();
  const pages = jest.fn();
  const withEventLog: typeof service.withEventLog = (work) =>
    service.withEventLog((log) => {
      const page: EventLog['page'] = (range) => {
        pages();
        return log.page(range);
      };
      return work({ ...log, page });
    });
  const closing = new AbortController();
  const feed = { ...service.feed, closing: closing.signal };
  const server = await startApp(createApp({ ...service, withEventLog, feed }));
  closers.push(server.close);
  const open = async () => {
    const [response] = (await once(get(`${server.url}/events`), 'response')) as [IncomingMessage];
    response.on('error', () => undefined);
    return response;
  };
  return { open, pages, closing, url: server.url };
}

describe('GET /events', () => {
  it('returns all events in order, and those after the last one that the client has', async () => {
    const { app } = aService();
    const { text, headers } = await request(app).get('/events').buffer(true).expect(200);
    expect(headers['content-type']).toBe('application/x-ndjson; charset=utf-8');
    const all = rowsOf(text);
    expect(all).toHaveLength(EVENTS);
    expect(() => all.slice(0, 9).map((event) => orderEventSchema.parse(event))).not.toThrow();
    const rest = await request(app)
      .get(`/events?after=${all[EVENTS - 3]!.id}`)
      .buffer(true);
    expect(rowsOf(rest.text)).toEqual(all.slice(-2));
    const two = await request(app).get(`/events?limit=2&since=2025-01-01`).buffer(true);
    expect(rowsOf(two.text)).toEqual(all.slice(0, 2));
    const none = await request(app)
      .get(`/events?after=${all.at(-1)!.id}`)
      .buffer(true)
      .expect(200);
    expect(none.text).toBe('');
    const csv = await request(app).get(`/events?format=csv&limit=1`).expect(200);
    expect(csv.text).toMatch(/^id,subject,[^\r]*\r\n[0-9a-f-]{36},order-[^\r]*\r\n$/);
    await request(app).head('/events').expect(200);
  });

  it.each([
    'after=18580f2f-a41a-4fa3-905c-4a8f7ae97f34',
    'after=1',
    'since=yesterday',
    'format=xml',
    'limit=0',
    'to=1',
  ])('refuses %s', async (query) => {
    const { body } = await request(aService().app).get(`/events?${query}`).expect(400);
    expect(body).toMatchObject({ code: 'validation-failed' });
  });

  it('reads no further than the client does, and stops when it leaves', async () => {
    const { open, pages, url } = await serve();
    const responses = [await open(), await open()];
    // Exports share one connection.
    expect((await open()).statusCode).toBe(429);
    // Time enough to read everything, if it did not wait.
    for (let i = 0; i < 300; i++) await fetch(`${url}/livez`).then((each) => each.text());
    const before = pages.mock.calls.length;
    expect(before).toBeLessThan(2 * (EVENTS / 1000));
    for (const response of responses) response.destroy();
    await until(async () => (await open()).statusCode === 200);
    expect(pages.mock.calls.length).toBeLessThan(before + 10);
  });

  it('is cut off when the client does not read', async () => {
    jest.useFakeTimers({ doNotFake: [...allButTimeouts] });
    const { open } = await serve();
    const responses = [await open(), await open()];
    // Until both have ended: the second may fill its socket later than the first.
    await until(async () => {
      await jest.advanceTimersByTimeAsync(60_000);
      const others = [await open(), await open()];
      for (const other of others) other.destroy();
      return others.every(({ statusCode }) => statusCode === 200);
    });
    for (const response of responses) {
      response.resume();
      await new Promise((resolve) => response.once('close', resolve));
      expect(response.complete).toBe(false);
    }
  });

  it('is cut off when the process stops, so that the client knows that it is not complete', async () => {
    const { open, closing } = await serve();
    const response = await open();
    closing.abort();
    response.resume();
    await new Promise((resolve) => response.once('close', resolve));
    expect(response.complete).toBe(false);
  });
});
