import type { OrderEvent } from './order-event';

/** What an event is written as: a line each of JSON, or of comma separated values. */
export const eventFormats = ['ndjson', 'csv'] as const;

export type EventFormat = (typeof eventFormats)[number];

/** The columns of an event as a flat row, in their order. The first two never need quotes: see {@link lastEventIn}. */
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

const dataColumns = [
  'order_id',
  'user_id',
  'loan_id',
  'provider',
  'rate',
  'amount',
  'term_months',
  'status',
  'created_at',
  'attempts',
] as const satisfies (keyof OrderEvent['data'])[];

/** What comes before the first row. */
export function headOf(format: EventFormat): string {
  if (format === 'ndjson') return '';
  return `${[...columns, ...dataColumns.map((name) => `data_${name}`)].join(',')}\r\n`;
}

/** An event as a row, its line end included. */
export function toRow(event: OrderEvent, format: EventFormat): string {
  if (format === 'ndjson') return `${JSON.stringify(event)}\n`;
  const cells = [
    ...columns.map((name) => event[name]),
    ...dataColumns.map((name) => event.data[name]),
  ];
  return `${cells.map(toCell).join(',')}\r\n`;
}

/** A cell as RFC 4180 has it. */
function toCell(value: string | number | undefined): string {
  const text = value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Which event the last whole row of a text is of; undefined if there is none. */
export function lastEventIn(text: string): { id: string; orderId: string } | undefined {
  const rows = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  for (const row of rows.reverse()) {
    const [, id, orderId] =
      /^([0-9a-f-]{36}),(order-[0-9a-f-]{36}),/.exec(row) ??
      /^\{"specversion":"1.0","id":"([^"]+)",.*?"subject":"([^"]+)"/.exec(row) ??
      [];
    if (id !== undefined && orderId !== undefined) return { id, orderId };
  }
  return undefined;
}
