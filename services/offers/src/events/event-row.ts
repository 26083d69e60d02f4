import { stringify } from 'csv-stringify/sync';
import { orderEventDataFields, type OrderEvent } from '../domain/order-event';

/** Export formats of events: lines of JSON, or comma-separated values. */
export const eventFormats = ['ndjson', 'csv'] as const;

export type EventFormat = (typeof eventFormats)[number];

/** The columns of a CSV row, in order. The first two never need quotes: see {@link lastEventIn}. */
const columns = [
  'id',
  'subject',
  'source',
  'specversion',
  'type',
  'time',
  'datacontenttype',
  'traceparent',
] as const satisfies (keyof OrderEvent)[];

/** Returns what precedes the first row. */
export function headOf(format: EventFormat): string {
  if (format === 'ndjson') return '';
  return `${[...columns, ...orderEventDataFields.map((name) => `data_${name}`)].join(',')}\r\n`;
}

/** RFC 4180. An apostrophe keeps a spreadsheet from running text as a formula (OWASP, CSV Injection). */
const csvOptions = {
  record_delimiter: 'windows',
  quote_record_delimiter: true,
  escape_formulas: true,
} as const;

/** Formats an event as a row, including its line ending. */
export function toRow(event: OrderEvent, format: EventFormat): string {
  if (format === 'ndjson') return `${JSON.stringify(event)}\n`;
  const cells = [
    ...columns.map((name) => event[name]),
    ...orderEventDataFields.map((name) => event.data[name]),
  ];
  return stringify([cells], csvOptions);
}

/** The start of a row: the event's id and its order's id. */
const rowStart: Record<EventFormat, RegExp> = {
  csv: /^([0-9a-f-]{36}),(order-[0-9a-f-]{36}),/,
  ndjson: /^\{"specversion":"1\.0","id":"([0-9a-f-]{36})",[^{}]*"subject":"(order-[0-9a-f-]{36})"/,
};

/** Returns the event of a text's last complete row; undefined if there is none or the format differs. */
export function lastEventIn(
  text: string,
  format: EventFormat,
): { id: string; orderId: string } | undefined {
  const row = text.slice(0, text.lastIndexOf('\n') + 1).trimEnd();
  const [, id, orderId] = rowStart[format].exec(row.slice(row.lastIndexOf('\n') + 1)) ?? [];
  return id !== undefined && orderId !== undefined ? { id, orderId } : undefined;
}

/** Whether the text is what an export interrupted in its first row may leave: nothing, or the start of that row. */
export function isBeginning(text: string, format: EventFormat): boolean {
  const head = headOf(format);
  if (!text.startsWith(head)) return head.startsWith(text);
  const row = text.slice(head.length);
  if (row.includes('\n')) return false;
  const start = format === 'csv' ? '' : '{"specversion":"1.0","id":"';
  return row.startsWith(start) || start.startsWith(row);
}
