/** Parses JSON. Returns undefined if the text is invalid: an error would quote the text, and so would the log. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
