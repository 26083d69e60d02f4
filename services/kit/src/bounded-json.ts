/** The text has more values than are worth the time of reading them. */
export class JsonTooLargeError extends Error {
  readonly code = 'json-too-large';
  override readonly name = 'JsonTooLargeError';
}

const STRUCTURE = new Set(['[', '{', ',', ':'].map((char) => char.charCodeAt(0)));
const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);

/** A text as short as this is read in no time, whatever it says. */
const HARMLESS_LENGTH = 64 * 1024;

/**
 * `JSON.parse` for a stranger's text. What that costs goes by the number of values, not by their length: 5 MB of nothing
 * but brackets hold up a process for half a second. So the brackets, commas and colons are counted first.
 *
 * @throws {JsonTooLargeError} where there are more than `maxTokens` of them; SyntaxError where it is no JSON.
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

/** Where the string that begins at a quote ends; the end of the text where it does not. */
function endOfString(text: string, start: number): number {
  for (let i = text.indexOf('"', start + 1); i !== -1; i = text.indexOf('"', i + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(i - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return i;
  }
  return text.length;
}
