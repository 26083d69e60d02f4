const names = new Map<string, string>();

/**
 * Marks a statement to be prepared once for each connection: that saves the database 0.1 to 0.2 ms for each call. Returns
 * the text. Its plan is kept, so it must suit tables of any size.
 */
export function prepared(text: string): string {
  if (!names.has(text)) names.set(text, `offers_${String(names.size)}`);
  return text;
}

/** Returns the name of a statement to prepare; undefined for others. */
export const preparedName = (text: string) => names.get(text);
