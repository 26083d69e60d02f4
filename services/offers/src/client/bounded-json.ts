/** The text has more values than we are willing to parse. */
export class JsonTooLargeError extends Error {
  readonly code = 'json-too-large';
  override readonly name = 'JsonTooLargeError';
}

const STRUCTURE = new Set(['[', '{', ',', ':'].map((char) => char.charCodeAt(0)));
const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);

/** A text up to this length parses in no time, whatever it contains. */
const HARMLESS_LENGTH = 64 * 1024;

/**
 * Parses JSON from an untrusted source. The cost depends on the number of values, not on their length: 5 MB of brackets
 * block a process for half a second. So it counts brackets, commas and colons first.
 *
 * @throws {JsonTooLargeError} if there are more than `maxTokens` of them.
 * @throws {SyntaxError} if the text is not JSON.
 */
export function parseBoundedJson(text: string, maxTokens: number): unknown {
  if (text.length > HARMLESS_LENGTH && hasMoreTokens(text, maxTokens)) {
    throw new JsonTooLargeError(`over ${String(maxTokens)} values`);
  }
  return JSON.parse(text);
}

function hasMoreTokens(text: string, maxTokens: number): boolean {
  let tokens = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) i = endOfString(text, i);
    else if (STRUCTURE.has(char) && ++tokens > maxTokens) return true;
  }
  return false;
}

/** Returns the index of the quote that ends the string, or the length of the text if there is none. */
function endOfString(text: string, start: number): number {
  for (let i = text.indexOf('"', start + 1); i !== -1; i = text.indexOf('"', i + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(i - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return i;
  }
  return text.length;
}
