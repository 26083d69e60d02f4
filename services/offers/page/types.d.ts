// The types of the page's modules, for the compiler only: the service does not serve this file.

export interface Fault {
  detail: string;
  pointer?: string;
  parameter?: string;
  header?: string;
}

/** A problem document (RFC 9457), or why there is no response. */
export interface ProblemOptions {
  title: string;
  detail?: string;
  /** 0 if there is no response. */
  status?: number;
  code?: string;
  faults?: Fault[];
  headers?: Headers;
}

export interface Offer {
  id: string;
  provider: string;
  rate: number;
  amount: number;
  name?: string;
  currency?: string;
  monthly_payment?: number;
  total_cost?: number;
  apr?: number;
  apr_type?: string;
  rate_max?: number;
  comparison_rate?: number;
  url?: string;
  flags?: string[];
  fees?: { upfront: number; periodic: { amount: number; months: number }[] };
}

export interface Order {
  id: string;
  user_id: string;
  loan_id: string;
  status: string;
  created_at: string;
  provider: string;
  rate: number;
  amount: number;
  term_months?: number;
}

export interface OrderEvent {
  type: string;
  time: string;
  data: Omit<Order, 'id'> & { order_id: string; attempts: number };
}

/** A failed attempt to get a decision. */
export interface Attempted {
  attempts: number;
  next_attempt_at: string;
}

export type Connection = 'live' | 'reconnecting' | 'polling' | 'over';

export interface Followed {
  signal: AbortSignal;
  onEvent: (event: OrderEvent) => void;
  onAttempted: (attempted: Attempted) => void;
  /** Takes the order itself, while there are no events. */
  onOrder: (order: Order) => void;
  onConnection: (connection: Connection) => void;
}

/** Fills the page. The signal aborts when the reader leaves the view. */
export type View = (main: HTMLElement, params: URLSearchParams, signal: AbortSignal) => void;

/** Leaves out what is false or undefined. */
export type Attributes = Record<string, string | number | boolean | undefined>;
/** Strings become text nodes. */
export type Child = Node | string | undefined | false;

export type CreateHtml = <Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes?: Attributes,
  ...children: Child[]
) => HTMLElementTagNameMap[Tag];

export type CreateSvg = <Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes?: Attributes,
  ...children: Child[]
) => SVGElementTagNameMap[Tag];

/** The rest are attributes of the input. */
export type FieldOptions = { name: string; label: string; hint?: string } & Attributes;

export interface Column {
  key: 'provider' | 'rate' | 'monthly_payment' | 'total_cost' | 'apr';
  label: string;
  show?: (value: number, currency?: string) => string;
}

export interface Sending {
  method?: string;
  body?: object;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface Line {
  offer: Offer;
  /** After each month. */
  costs: number[];
}
