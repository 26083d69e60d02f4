// The types of the page's modules, for the compiler only: the service does not serve this file.

interface Fault {
  detail: string;
  pointer?: string;
  parameter?: string;
  header?: string;
}

interface Offer {
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

interface Order {
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

interface OrderEvent {
  type: string;
  time: string;
  data: Omit<Order, 'id'> & { order_id: string; attempts: number };
}

type Connection = 'live' | 'reconnecting' | 'polling' | 'over';

/** Fills the page. The signal aborts when the reader leaves the view. */
type View = (main: HTMLElement, params: URLSearchParams, signal: AbortSignal) => void;

type Attributes = Record<string, string | number | boolean | undefined>;
type Children = (Node | string | undefined | false)[];

interface Sending {
  method?: string;
  body?: object;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}
