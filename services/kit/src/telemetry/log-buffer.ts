// Saves 7 % of the CPU of GET /offers against pino's own destination and clock; see docs/performance.md.
import { destination, type DestinationStream } from 'pino';

const FLUSH_INTERVAL_MS = 100;
const BUFFER_BYTES = 65_536;
/** The most bytes that one character of a string takes in UTF-8. */
const MAX_BYTES_PER_CHAR = 3;

export interface ByteStream {
  write: (bytes: Buffer) => unknown;
}

/**
 * Buffers lines, and writes them after 100 ms at the latest and on exit. Pino's own buffering measures its whole buffer
 * again for every line. This encodes each line at once, while it is in the CPU's cache, not one long string later.
 */
export function bufferLines(to?: ByteStream): DestinationStream {
  // Pino's types only know text.
  const stream = (to ?? destination({ sync: true, contentMode: 'buffer' })) as ByteStream;
  let lines = Buffer.allocUnsafe(BUFFER_BYTES);
  let length = 0;
  const flush = () => {
    if (length === 0) return;
    stream.write(lines.subarray(0, length));
    // The stream may still need the old buffer.
    lines = Buffer.allocUnsafe(BUFFER_BYTES);
    length = 0;
  };
  setInterval(flush, FLUSH_INTERVAL_MS).unref();
  process.once('exit', flush);
  return {
    write: (line) => {
      const most = line.length * MAX_BYTES_PER_CHAR;
      if (length + most > BUFFER_BYTES) flush();
      if (most > BUFFER_BYTES) stream.write(Buffer.from(line));
      else length += lines.write(line, length);
    },
  };
}

/** Returns pino's `timestamp` in ISO 8601, formatted once per millisecond: under load, many lines share one. */
export function isoTime(): () => string {
  let at = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== at) {
      at = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}
