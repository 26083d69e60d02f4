import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';

interface Event {
  id: number;
  /** Without the common prefix of all types. */
  type: string;
  data: unknown;
}

/**
 * Reads a stream as a browser would. `events` grows, and so does `attempted` with the messages about failed attempts,
 * which have no id. `ended` resolves when the server ends the stream.
 */
export async function listenToStream(url: string, lastEventId?: number, token?: string) {
  const headers = {
    ...(lastEventId !== undefined && { 'Last-Event-ID': String(lastEventId) }),
    ...(token !== undefined && { Authorization: `Bearer ${token}` }),
  };
  const req = get(url, { headers, agent: false });
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  const events: Event[] = [];
  const attempted: unknown[] = [];
  let text = '';
  res.setEncoding('utf8');
  res.on('error', () => undefined); // the client disconnected
  res.on('data', (chunk: string) => {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const [, attempt] = /^event: order\.attempted\ndata: (.*)$/.exec(block) ?? [];
      if (attempt !== undefined) attempted.push(JSON.parse(attempt));
      const id = /^id: (.*)$/m.exec(block)?.[1];
      const type = /^event: com\.loanbuddy\.order\.(.*)$/m.exec(block)?.[1];
      if (id === undefined || type === undefined) continue;
      const data = JSON.parse(/\ndata: ([^\n]*)/.exec(block)![1]!) as unknown;
      events.push({ id: Number(id), type, data });
    }
  });
  const ended = new Promise<void>((resolve) => res.once('close', resolve));
  return { res, events, attempted, ended, leave: () => req.destroy() };
}

/** Waits until all reads seen by a spy on the feed's `historyOf` have settled. */
export async function untilRead(reads: jest.SpyInstance): Promise<void> {
  await Promise.allSettled(reads.mock.results.map(({ value }) => value as unknown));
}

export const typesOf = ({ events }: { events: Event[] }) => events.map(({ type }) => type);
