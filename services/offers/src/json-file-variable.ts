import { readFileSync } from 'node:fs';
import { z } from 'zod';

/**
 * A variable that names a JSON file (RFC 8259; a byte order mark is skipped). Its value is the content, parsed by
 * `schema`.
 */
export function jsonFileVariable<Schema extends z.ZodType>(schema: Schema) {
  return z
    .string()
    .transform((file, context): unknown => {
      try {
        return JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // The parser's message quotes the content, which may be a secret.
        const reason = code === undefined ? 'is not JSON' : `cannot be read (${code})`;
        context.addIssue({ code: 'custom', message: `${file} ${reason}` });
        return z.NEVER;
      }
    })
    .pipe(schema);
}
