/** A verb and its table. Not `for update of`, nor `do update set`. */
const CHANGE =
  /\b(insert)\s+into\s+"?(\w+)|(?<!\bfor\s+(?:no\s+key\s+)?)\b(update)\s+(?!set\b)"?(\w+)|\b(delete)\s+from\s+"?(\w+)/gi;
const READ = /\b(select)\b[^]*?\bfrom\s+"?(\w+)/i;

/** Summarizes a statement, such as `UPDATE orders` (semantic conventions, `db.query.summary`). */
export function statementSummary(text: string): string {
  // What a statement changes comes after what it reads.
  const match = [...text.matchAll(CHANGE)].at(-1) ?? READ.exec(text);
  const [verb, table] = match?.slice(1).filter(Boolean) ?? /[a-z]+/i.exec(text) ?? [];
  return [verb?.toUpperCase() ?? 'statement', table].filter(Boolean).join(' ');
}
