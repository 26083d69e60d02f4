/** What a text says; undefined where it is no JSON. An error would quote the text, and so would the log. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
