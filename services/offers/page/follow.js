import { Problem, read, segment, send } from './api.js';
/** @import { Followed, Order } from './types.d.ts' */

/** Silence after which a stream counts as broken: the service sends something every 15 s. */
const SILENCE_MS = 40_000;
/** After more failures in a row, the page also reads the order itself: a proxy may refuse streams. */
const FAILURES_BEFORE_POLLING = 2;

/**
 * Splits a stream of server-sent events into events (WHATWG HTML, section 9.2.6).
 *
 * @param {(event: { id: string, type: string, data: string }) => void} onEvent
 * @returns {(text: string) => void} takes the next part of the stream
 */
export function createEventParser(onEvent) {
  let rest = '';
  let id = '';
  let type = '';
  let data = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, name, value = ''] = /^(\w*):? ?(.*?)\r?$/.exec(line) ?? [];
      if (name === 'id') id = value;
      else if (name === 'event') type = value;
      else if (name === 'data') data += value;
      else if (line.trim() === '') {
        if (data !== '') onEvent({ id, type, data });
        type = data = '';
      }
    }
  };
}

/**
 * Follows an order until it is no longer pending. Streams its events, and continues after the last one if the stream
 * breaks. While streams fail, polls the order. Not an EventSource, which cannot send a token.
 *
 * @param {string} id
 * @param {Followed} options
 * @throws {Problem} if the order cannot be read at all
 */
export async function follow(id, { signal, onEvent, onAttempted, onOrder, onConnection }) {
  const path = `/orders/${segment(id)}`;
  let failures = 0;
  let lastId = '';
  let isOver = false;
  const parse = createEventParser((event) => {
    failures = 0;
    lastId = event.id;
    const parsed = JSON.parse(event.data);
    if (event.type === 'order.attempted') onAttempted(parsed);
    else {
      isOver = parsed.data.status !== 'PENDING';
      onEvent(parsed);
    }
  });
  const poll = async () => {
    /** @type {Order} */
    const order = await read(path, { signal });
    isOver = order.status !== 'PENDING';
    onOrder(order);
  };
  while (!isOver) {
    try {
      if (failures > FAILURES_BEFORE_POLLING) await poll();
      if (isOver) break;
      const headers = { Accept: 'text/event-stream', ...(lastId && { 'Last-Event-ID': lastId }) };
      const response = await send(`${path}/events`, { signal, headers });
      // 204: all events came, or they were deleted.
      if (response.status === 204) await poll();
      else {
        onConnection('live');
        await readStream(response, parse);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.isRefused) throw error;
    }
    if (isOver) break;
    failures += 1;
    onConnection(failures > FAILURES_BEFORE_POLLING ? 'polling' : 'reconnecting');
    const waitS = Math.min(Math.max(failures - FAILURES_BEFORE_POLLING, 1), 5);
    await new Promise((resolve) => setTimeout(resolve, 1000 * waitS));
    if (signal.aborted) return;
  }
  onConnection('over');
}

/**
 * @param {Response} response
 * @param {(text: string) => void} parse
 */
async function readStream(response, parse) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const timer = setTimeout(() => reader?.cancel(), SILENCE_MS);
    try {
      const { done = true, value = '' } = (await reader?.read()) ?? {};
      if (done) return;
      parse(value);
    } finally {
      clearTimeout(timer);
    }
  }
}
