import { Problem, read, send } from './api.js';

/** Silence after which a stream counts as broken: the service sends something every 15 s. */
const SILENCE_MS = 40_000;
/** After this many failures in a row, the page also reads the order itself: a proxy may refuse streams. */
const FAILURES_BEFORE_POLLING = 2;

/**
 * Splits a stream of server-sent events into events (WHATWG HTML, section 9.2.6).
 *
 * @param {(event: { id: string, data: string }) => void} onEvent
 * @returns {(text: string) => void} takes the next part of the stream
 */
export function createEventParser(onEvent) {
  let rest = '';
  let id = '';
  /** @type {string[]} */
  let data = [];
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, name, value] = /^(\w*):? ?(.*?)\r?$/s.exec(line) ?? [];
      if (name === 'id') id = value ?? '';
      else if (name === 'data') data.push(value ?? '');
      else if (line.trim() === '' && data.length > 0) {
        onEvent({ id, data: data.join('\n') });
        data = [];
      }
    }
  };
}

/** @param {{ status: string }} order */
const isOver = ({ status }) => status !== 'PENDING';

/**
 * Follows an order until it is no longer pending: its events as a stream, which continues after the last event that
 * came if it breaks; while streams fail, the order itself. Not an EventSource, which cannot send a token.
 *
 * @param {string} id
 * @param {{ signal: AbortSignal, onEvent: (event: OrderEvent) => void,
 *   onOrder: (order: Order) => void, onConnection: (connection: Connection) => void }} options
 * @throws {Problem} if the order cannot be read at all
 */
export async function follow(id, { signal, onEvent, onOrder, onConnection }) {
  const path = `/orders/${encodeURIComponent(id)}`;
  let lastId = '';
  let done = false;
  for (let failures = 0; !done;) {
    try {
      const response = await send(`${path}/events`, {
        signal,
        headers: { Accept: 'text/event-stream', ...(lastId && { 'Last-Event-ID': lastId }) },
      });
      if (response.status === 204) {
        // All events came, or they were deleted.
        onOrder(await read(path, { signal }));
        break;
      }
      onConnection('live');
      const parse = createEventParser((event) => {
        failures = 0;
        lastId = event.id;
        const parsed = JSON.parse(event.data);
        onEvent(parsed);
        done ||= isOver(parsed.data);
      });
      await readStream(response, parse, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!isTemporary(error)) throw error;
    }
    if (signal.aborted || done) break;
    failures += 1;
    onConnection(failures > FAILURES_BEFORE_POLLING ? 'polling' : 'reconnecting');
    if (failures > FAILURES_BEFORE_POLLING) {
      try {
        const order = await read(path, { signal });
        onOrder(order);
        done = isOver(order);
      } catch (error) {
        if (signal.aborted) return;
        if (!isTemporary(error)) throw error;
        onConnection('reconnecting');
      }
    }
    if (!done) await pause(Math.min(1000 * failures, 5000), signal);
  }
  if (!signal.aborted) onConnection('over');
}

/** @param {unknown} error */
const isTemporary = (error) =>
  !(error instanceof Problem) || error.status === 0 || error.status === 429 || error.status >= 500;

/**
 * @param {Response} response
 * @param {(text: string) => void} parse
 * @param {AbortSignal} signal
 */
async function readStream(response, parse, signal) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const cancel = () => void reader.cancel().catch(() => undefined);
  signal.addEventListener('abort', cancel, { once: true });
  const decoder = new TextDecoder();
  for (;;) {
    const timer = setTimeout(cancel, SILENCE_MS);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) break;
    parse(decoder.decode(value, { stream: true }));
  }
  signal.removeEventListener('abort', cancel);
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });
}
