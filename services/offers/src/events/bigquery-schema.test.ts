import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { orderEventSchema } from '../domain/order-event';

interface Column {
  name: string;
  type: string;
  mode: string;
  fields?: Column[];
}

interface JsonSchema {
  type?: string;
  format?: string;
  const?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
}

const file = join(__dirname, '../../../../terraform/schemas/order-events.json');

/** The BigQuery type for a field's values. */
function typeFor({ type, format, const: constant }: JsonSchema): string {
  if (format === 'date-time') return 'TIMESTAMP';
  if (constant !== undefined) return 'STRING';
  const types = { string: 'STRING', number: 'FLOAT', integer: 'INTEGER', object: 'RECORD' };
  return types[type as keyof typeof types];
}

function columnsFor(
  { properties = {}, required = [] }: JsonSchema,
  defs: Record<string, JsonSchema>,
): Column[] {
  return Object.entries(properties).map(([name, { $ref, ...own }]) => {
    const field = $ref === undefined ? own : defs[$ref.split('/').at(-1)!]!;
    return {
      name,
      type: typeFor(field),
      mode: required.includes(name) ? 'REQUIRED' : 'NULLABLE',
      ...(field.properties && { fields: columnsFor(field, defs) }),
    };
  });
}

const withoutText = ({ name, type, mode, fields }: Column): Column => ({
  name,
  type,
  mode,
  ...(fields && { fields: fields.map(withoutText) }),
});

describe('the BigQuery table of order events', () => {
  const types = orderEventSchema.options.map((schema) => [schema.meta()!.id!, schema] as const);

  it.each(types)('has a column for each field of an %s, and no other', (_, eventSchema) => {
    const columns = (JSON.parse(readFileSync(file, 'utf8')) as Column[]).map(withoutText);
    const schema = z.toJSONSchema(eventSchema) as JsonSchema;
    const { $ref = '', $defs = {} } = schema;
    expect(columns).toEqual(columnsFor($defs[$ref.split('/').at(-1)!] ?? schema, $defs));
  });
});
