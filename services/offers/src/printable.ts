/** Whether a text has no control characters and no broken Unicode: PostgreSQL keeps no U+0000, and no log should show any. */
export function isPrintable(text: string): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(text);
}
