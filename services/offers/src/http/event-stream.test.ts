import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { allButIntervals, recordingLogger, startApp } from '../../../kit/testing';
import { endpoint, createLifecycle, createServiceApp } from '@loan-buddy/kit/server';
import { openEventStream } from './event-stream';
import { kitProblems } from '@loan-buddy/kit/problem';

const HEARTBEAT_MS = 15_000;
const RETRY = 'retry: 1000\n\n';
const COMMENT = ':\n\n';

const closers: (() => unknown)[] = [];
beforeEach(() => jest.useFakeTimers({ doNotFake: allButIntervals }));
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  jest.useRealTimers();
});

/** A service that opens a stream for every request. */
async function serve() {
  const opened: ReturnType<typeof openEventStream>[] = [];
  let close: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => (close = resolve));
  const streaming = endpoint(
    {
      method: 'get',
      path: '/stream',
      operationId: 'stream',
      summary: 'Stream',
      access: 'public',
      responses: { 200: { description: 'The events.' } },
    },
    ({ res }) => {
      opened.push(openEventStream(res, close));
    },
  );
  const app = createServiceApp({
    info: { title: 'a service', version: '1.0.0', description: 'For a test.' },
    logger: recordingLogger().logger,
    lifecycle: createLifecycle(),
    problems: kitProblems,
    endpoints: [streaming],
  });
  const server = await startApp(app);
  closers.push(server.close);
  // Other timers of the service do not count.
  const timersBefore = jest.getTimerCount();
  return { server, opened, closed, timers: () => jest.getTimerCount() - timersBefore };
}

/** A stream, and a client that reads it. */
async function setUp() {
  const { server, opened, ...rest } = await serve();
  const req = get(`${server.url}/stream`, { agent: false });
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  const got = { text: '' };
  res.setEncoding('utf8').on('data', (chunk: string) => (got.text += chunk));
  res.on('error', () => undefined); // the client left
  const ended = new Promise<void>((resolve) => res.once('close', resolve));
  const has = async (text: string) => {
    while (got.text.length < text.length) await once(res, 'data');
    expect(got.text).toBe(text);
  };
  return { ...rest, stream: opened[0]!, has, ended, leave: () => req.destroy() };
}

describe('a stream of events', () => {
  it('sends heartbeats until it ends, and nothing afterwards', async () => {
    const { stream, has, ended, closed, timers } = await setUp();
    await has(RETRY);
    jest.advanceTimersByTime(HEARTBEAT_MS - 1);
    stream.send({ id: '1', type: 'changed', data: { a: 1 } });
    const sent = `${RETRY}id: 1\nevent: changed\ndata: {"a":1}\n\n`;
    await has(sent);
    jest.advanceTimersByTime(1);
    await has(sent + COMMENT);
    jest.advanceTimersByTime(2 * HEARTBEAT_MS);
    await has(sent + COMMENT.repeat(3));
    expect(timers()).toBe(1);
    stream.end();
    expect(timers()).toBe(0);
    await Promise.all([ended, closed]);
    await has(sent + COMMENT.repeat(3));
  });

  it('leaves no timer behind when its client leaves', async () => {
    const { has, closed, timers, leave } = await setUp();
    await has(RETRY);
    expect(timers()).toBe(1);
    leave();
    await closed;
    expect(timers()).toBe(0);
  });

  it('sends nothing once it ended, even while queued behind another', async () => {
    const { server, opened, timers } = await serve();
    const socket = connect(server.port, '127.0.0.1');
    closers.push(() => socket.destroy());
    socket.write('GET /stream HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2));
    while (opened.length < 2) await new Promise(setImmediate);
    opened[1]!.end();
    jest.advanceTimersByTime(HEARTBEAT_MS);
    await new Promise(setImmediate);
    expect(timers()).toBe(1);
  });
});
