import { UnusableMessageError } from '@loan-buddy/kit/messaging';
import { createDecideCheckout, type DecidedEvent } from './decide-checkout';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const submitted = {
  specversion: '1.0',
  type: 'com.loanbuddy.order.checkout_submitted',
  traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
  data: { order_id: 'order-1', amount: 12_000, status: 'PENDING', more: 'than is read' },
};

const withData = (data: object) => JSON.stringify({ ...submitted, data });

function setUp(failures: Error[] = []) {
  const published: DecidedEvent[] = [];
  const decideCheckout = createDecideCheckout({
    decide: (amount) => (amount >= 10_000 ? 'APPROVED' : 'REJECTED'),
    injectFault: () => Promise.resolve(),
    publish: (event) => {
      const failure = failures.pop();
      if (failure) return Promise.reject(failure);
      published.push(event);
      return Promise.resolve();
    },
  });
  return { decideCheckout, published };
}

describe('a checkout that arrives as a message', () => {
  it.each([
    ['checkout_submitted', 12_000, 'APPROVED'],
    ['resubmitted', 9000, 'REJECTED'],
  ])('%s of %d is decided, in its trace', async (type, amount, status) => {
    const { decideCheckout, published } = setUp();
    const data = { ...submitted.data, amount };
    const message = { ...submitted, type: `com.loanbuddy.order.${type}`, data };
    // A byte order mark is skipped.
    await decideCheckout(`\uFEFF${JSON.stringify(message)}`);
    expect(published).toEqual([
      {
        specversion: '1.0',
        id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        source: '/loan-buddy/confirm-payment',
        type: 'com.loanbuddy.payment.decided',
        subject: 'order-1',
        time: expect.stringMatching(/Z$/) as string,
        datacontenttype: 'application/json',
        traceparent: expect.stringContaining(traceId) as string,
        data: { order_id: 'order-1', status },
      },
    ]);
  });

  it('is not acknowledged before its decision is published', async () => {
    const { decideCheckout } = setUp([new Error('not there')]);
    await expect(decideCheckout(JSON.stringify(submitted))).rejects.toThrow('not there');
  });

  it.each([
    ['not JSON', 'nonsense'],
    ['another event', JSON.stringify({ ...submitted, type: 'com.loanbuddy.order.approved' })],
    ['a megabyte long', JSON.stringify(submitted) + ' '.repeat(1_000_000)],
    ['with an id of 129 characters', withData({ ...submitted.data, order_id: 'x'.repeat(129) })],
    ['without an amount', withData({ order_id: 'x', status: 'PENDING' })],
  ])('is refused: %s', async (_, body) => {
    await expect(setUp().decideCheckout(body)).rejects.toThrow(UnusableMessageError);
  });
});
