import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { allButIntervals, letTimePass, turns, until } from '../testing';
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

/** A server that answers at once: `/large` with much, `/stream` with as much and no end; `/held` when it is told to. */
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
  /** Connects, and asks for something if a path is given; without `reads` the answer is left where it is. */
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

describe('one connection more than there may be', () => {
  it('closes the one that fell idle first, however many there are', async () => {
    const { client, connections } = await setUp({ maxConnections: 3 });
    const clients = [await client('/a'), await client('/b'), await client('/c')];
    await until(() => clients.every(({ text }) => text.endsWith('ok')));
    // The first is used again, and so is no longer the one unused for longest.
    clients[0]!.socket.write('GET /again HTTP/1.1\r\nHost: x\r\n\r\n');
    await until(() => clients[0]!.text.match(/ok/g)?.length === 2);
    // What is unused counts as that after a second.
    letTimePass(2000);
    const next = await client('/d');
    await until(() => next.text.endsWith('ok') && clients.some(({ isClosed }) => isClosed));
    expect(clients.map(({ isClosed }) => isClosed)).toEqual([false, true, false]);
    expect(connections.size).toBe(3);
  });

  it('closes one whose client does not read, rather than refuse who is new', async () => {
    const { client, connections, held } = await setUp({ maxConnections: 2 });
    await client('/large', false);
    const waiting = await client('/held');
    await until(() => held.length === 1);
    // It has to be seen unread twice.
    await until(async () => {
      const next = await client('/d');
      await until(() => next.isClosed || next.text.endsWith('ok'));
      return next.text.endsWith('ok');
    });
    expect(connections.size).toBe(2);
    expect(waiting.isClosed).toBe(false);
  });

  it('is never refused while others are idle, however long new ones come', async () => {
    jest.useFakeTimers({ doNotFake: allButIntervals });
    const { client } = await setUp({ maxConnections: 200 });
    for (let i = 0; i < 200; i++) await client();
    // What is unused counts as that after a second.
    letTimePass(2000);
    // Longer than from one look at all of them to the one after the next.
    for (let i = 0; i < 50; i++) {
      const next = await client('/a');
      await until(() => next.isClosed || next.text.endsWith('ok'));
      expect(next.text).toMatch(/ok$/);
      jest.advanceTimersByTime(50);
      await turns(10);
    }
  });

  it('is refused while all the others are in use', async () => {
    const { client, held } = await setUp({ maxConnections: 1 });
    const waiting = await client('/held');
    await until(() => held.length === 1);
    // What is unused counts as that after a second.
    letTimePass(2000);
    const next = await client('/d');
    await until(() => next.isClosed);
    held[0]!.end('ok');
    await until(() => waiting.text.endsWith('ok'));
  });
});

it.each(['/large', '/stream'])(
  'a client that reads %s for too long is let go, and one that waits for its answer is not',
  async (path) => {
    const { client, connections, held } = await setUp({ readMs: 500 });
    const deaf = await client(path, false);
    // It waits for more, behind what it does not read.
    deaf.socket.write('GET /held HTTP/1.1\r\nHost: x\r\n\r\n');
    const waiting = await client('/held');
    await until(() => held.length === 2);
    await until(() => {
      // A byte now and then does not help.
      deaf.socket.read(1);
      return connections.size === 1;
    });
    expect(waiting.isClosed).toBe(false);
  },
);

it('a client that asks for nothing for too long is let go, and one that waits for its answer is not', async () => {
  const { client, held } = await setUp({ unusedMs: 500 });
  const [silent, answered, waiting] = [await client(), await client('/a'), await client('/held')];
  await until(() => held.length === 1);
  await until(() => silent.isClosed && answered.isClosed);
  expect(answered.text).toMatch(/ok$/);
  expect(waiting.isClosed).toBe(false);
});

it('an answer hears that its client is gone, though it is queued behind another', async () => {
  const { client, held } = await setUp();
  const leaving = await client('/held');
  leaving.socket.write('GET /held HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => held.length === 2);
  const closed: ServerResponse[] = [];
  for (const answer of held) answer.once('close', () => closed.push(answer));
  leaving.socket.destroy();
  await until(() => closed.length === 2);
});
