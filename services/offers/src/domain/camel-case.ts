import type { z } from 'zod';

type CamelCase<Name> = Name extends `${infer Start}_${infer Rest}`
  ? `${Start}${Capitalize<CamelCase<Rest>>}`
  : Name;

/** The fields of a body under their names in our code. */
export type CamelCased<Body> = { [Name in keyof Body as CamelCase<Name>]: Body[Name] };

/** As {@link CamelCased}; a time may also be a date, which JSON writes in ISO 8601. */
type Source<Body> = CamelCased<{
  [Name in keyof Body]: Body[Name] | (string extends Body[Name] ? Date : never);
}>;

/** Returns a function that copies a schema's fields from an object in camel case, in the order of the schema. */
export function fromCamelCase<Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape>) {
  const names = Object.keys(schema.shape).map(
    (name) => [name, name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase())] as const,
  );
  return (source: Source<z.output<z.ZodObject<Shape>>>): Record<string, unknown> => {
    const values: Record<string, unknown> = source;
    const body: Record<string, unknown> = {};
    for (const [name, camelCase] of names) body[name] = values[camelCase];
    return body;
  };
}
