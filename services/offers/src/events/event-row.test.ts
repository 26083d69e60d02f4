import { toRow } from './event-row';
import type { OrderEvent } from '../domain/order-event';

const anEvent = (userId: string): OrderEvent => ({
  specversion: '1.0',
  id: '18580f2f-a41a-4fa3-905c-4a8f7ae97f34',
  source: '/loan-buddy/offers',
  type: 'com.loanbuddy.order.approved',
  subject: 'order-01a20977-e07b-7629-aa4a-046dad25ad45',
  time: '2025-07-08T12:30:45.706Z',
  datacontenttype: 'application/json',
  data: {
    order_id: 'order-01a20977-e07b-7629-aa4a-046dad25ad45',
    user_id: userId,
    loan_id: 'offer2',
    provider: 'ProviderB',
    rate: -1,
    amount: 12_000,
    status: 'APPROVED',
    created_at: '2025-07-08T12:30:45.623Z',
    attempts: 0,
  },
});

describe('an event as a row', () => {
  it.each([
    ['=HYPERLINK("http://x","y")', `"'=HYPERLINK(""http://x"",""y"")"`],
    ['+1', `'+1`],
    ['-1', `'-1`],
    ['@SUM(A1)', `'@SUM(A1)`],
    ['\tx', `'\tx`],
    ['\rx', `"'\rx"`],
    ['＝1+1', `'＝1+1`],
    ['a,b', '"a,b"'],
    ['a\rb', '"a\rb"'],
    ['a\nb', '"a\nb"'],
    ['cristina', 'cristina'],
  ])('in CSV is never a spreadsheet formula: %j', (userId, cell) => {
    expect(toRow(anEvent(userId), 'csv')).toContain(`,${cell},offer2,ProviderB,-1,12000,`);
  });

  it('in NDJSON is the event itself', () => {
    const event = anEvent('=1+1');
    expect(JSON.parse(toRow(event, 'ndjson'))).toEqual(event);
  });
});
