import escapeHtml from 'escape-html';
import type { OrderEventData } from '../domain/order-event';

/** The text of an e-mail, in both forms. */
export type ComposedEmail = ReturnType<typeof composeEmail>;

const wording = {
  APPROVED: {
    subject: 'Your loan is approved',
    news: (offer: string) => `Good news: your loan of ${offer} is approved.`,
    next: 'The provider will contact you about the next steps.',
  },
  REJECTED: {
    subject: 'Your loan was not approved',
    news: (offer: string) => `We are sorry: your loan of ${offer} was not approved.`,
    next: 'You are welcome to choose another offer at any time.',
  },
  FAILED: {
    subject: 'Your loan is not decided yet',
    news: (offer: string) =>
      `We are sorry for the delay: so far, we could not reach a decision on your loan of ${offer}.`,
    next: 'You do not need to do anything. We are looking into it, and will write to you once there is a decision.',
  },
};

/** Composes the e-mail for an order that was decided or failed. */
export function composeEmail(data: OrderEventData) {
  const { status, order_id: id } = data;
  if (status === 'PENDING') throw new Error(`order ${id} is still pending`);
  const { subject, news, next } = wording[status];
  const paragraphs = ['Hello,', news(describeOffer(data)), next, `Your order: ${id}`];
  return {
    subject,
    text: `${paragraphs.join('\n\n')}\n`,
    html: [
      '<!doctype html>',
      `<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head><body>`,
      ...paragraphs.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`),
      '</body></html>\n',
    ].join('\n'),
  };
}

function describeOffer({ amount, provider, rate, term_months: months }: OrderEventData): string {
  const lent = amount.toLocaleString('en', { maximumFractionDigits: 2 });
  const term = months === undefined ? '' : ` over ${String(months)} months`;
  return `${lent} from ${provider} at ${String(rate)} % a year${term}`;
}
