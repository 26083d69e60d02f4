import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { allButIntervals, eventLoopTurns, letTimePass, until } from '../../testing';
import { trackConnections, type ConnectionLimits } from './connections';

const opened: { server: Server; sockets: Socket[] }[] = [];
afterEach(() => {
  jest.useRealTimers();
  for (const { server, sockets } of opened.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
    server.closeAllConnections();
  }
});

/** More than the buffers of a connection hold. */
const LARGE = 'x'.repeat(20_000_000);

/** A server that sends a large response for `/large`, an endless one for `/stream`, and holds `/held` for the test. */
async function setUp(limits: Partial<ConnectionLimits> = {}) {
  const held: ServerResponse[] = [];
  const server = createServer((req, res) => {
    if (req.url === '/large') res.end(LARGE);
    else if (req.url === '/stream') res.write(LARGE);
    else if (req.url === '/held') held.push(res);
    else res.end('ok');
  });
  const connections = trackConnections(server, {
    maxConnections: 100,
    unusedMs: 60_000,
    readMs: 60_000,
    ...limits,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  opened.push({ server, sockets });
  /** Connects, and requests `path` if given. Without `reads`, the response stays unread. */
  const client = async (path?: string, reads = true) => {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    const seen = { socket, text: '', isClosed: false };
    socket.on('error', () => undefined);
    socket.on('close', () => (seen.isClosed = true));
    if (reads) socket.on('data', (chunk) => (seen.text += chunk.toString('latin1')));
    await new Promise((resolve) => socket.once('connect', resolve));
    if (path !== undefined) socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    return seen;
  };
  return { connections, client, held };
}

describe('one connection above the limit', () => {
  it('closes the one idle for longest, however many there are', async () => {
    const { client, connections } = await setUp({ maxConnections: 3 });
    const clients = [await client('/a'), await client('/b'), await client('/c')];
    await until(() => clients.every(({ text }) => text.endsWith('ok')));
    // The first is used again, so it is no longer the one unused for longest.
    clients[0]!.socket.write('GET /again HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => clients[0]!.text.match(/ok/g)?.length === 2);
    // A connection counts as unused after a second.
    letTimePass(2000);
    const next = await client('/d');
    await until(() => next.text.endsWith('ok') && clients.some(({ isClosed }) => isClosed));
    expect(clients.map(({ isClosed }) => isClosed)).toEqual([false, true, false]);
    expect(connections.size).toBe(3);
  });

  it('closes one whose client does not read, rather than refuse the new one', async () => {
    const { client, connections, held } = await setUp({ maxConnections: 2 });
    await client('/large', false);
    const waiting = await client('/held');
    await until(() => held.length === 1);
    // Two sweeps must find it unread.
    await until(async () => {
      const next = await client('/d');
      await until(() => next.isClosed || next.text.endsWith('ok'));
      return next.text.endsWith('ok');
    });
    expect(connections.size).toBe(2);
    expect(waiting.isClosed).toBe(false);
  });

  it('is never refused while others are idle, however many come', async () => {
    jest.useFakeTimers({ doNotFake: allButIntervals });
    const { client } = await setUp({ maxConnections: 200 });
    for (let i = 0; i < 200; i++) await client();
    // A connection counts as unused after a second.
    letTimePass(2000);
    // For 2.5 s: longer than two sweeps.
    for (let i = 0; i < 50; i++) {
      const next = await client('/a');
      await until(() => next.isClosed || next.text.endsWith('ok'));
      expect(next.text).toMatch(/ok$/);
      jest.advanceTimersByTime(50);
      await eventLoopTurns(10);
    }
  });

  it('is refused while all others are in use', async () => {
    const { client, held } = await setUp({ maxConnections: 1 });
    const waiting = await client('/held');
    await until(() => held.length === 1);
    // A connection counts as unused after a second.
    letTimePass(2000);
    const next = await client('/d');
    await until(() => next.isClosed);
    held[0]!.end('ok');
    await until(() => waiting.text.endsWith('ok'));
  });
});

it.each(['/large', '/stream'])(
  'closes the connection of a client that takes too long to read %s, but not of one that waits',
  async (path) => {
    const { client, connections, held } = await setUp({ readMs: 500 });
    const unreadClient = await client(path, false);
    // This request's response is queued behind the one that the client does not read.
    unreadClient.socket.write('GET /held HTTP/1.1\r\nHost: x\r\n\r\n');
    const waiting = await client('/held');
    await until(() => held.length === 2);
    await until(() => {
      // Reading a byte now and then does not help.
      unreadClient.socket.read(1);
      return connections.size === 1;
    });
    expect(waiting.isClosed).toBe(false);
  },
);

it('closes a connection without a request for too long, but not one that waits for its response', async () => {
  const { client, held } = await setUp({ unusedMs: 500 });
  const [silent, served, waiting] = [await client(), await client('/a'), await client('/held')];
  await until(() => held.length === 1);
  await until(() => silent.isClosed && served.isClosed);
  expect(served.text).toMatch(/ok$/);
  expect(waiting.isClosed).toBe(false);
});

it('emits close on a response whose client has left, even if queued behind another', async () => {
  const { client, held } = await setUp();
  const leaving = await client('/held');
  leaving.socket.write('GET /held HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => held.length === 2);
  const closed: ServerResponse[] = [];
  for (const response of held) response.once('close', () => closed.push(response));
  leaving.socket.destroy();
  await until(() => closed.length === 2);
});
