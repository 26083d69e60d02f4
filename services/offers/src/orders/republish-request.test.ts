import { recordingLogger } from '@loan-buddy/kit/testing';
import { anOrder } from '../../test/builders';
import { useDatabase } from '../../test/database';
import { createEventLog } from '../events/event-log';
import { createOrderStore } from './order-store';
import { createRepublishRequest } from './republish-request';

const database = useDatabase();
const context = { requestId: 'r' };

async function setUp() {
  const { db } = database();
  const [orders, log] = [createOrderStore(db), createEventLog(db)];
  const { logger, lines } = recordingLogger();
  const policy = { attempts: 2, baseMs: 1000, capMs: 1000 };
  const order = anOrder();
  await orders.insert(order, 0);
  const publish = async () => {
    const taken = await log.claimUnpublished(100, 60_000);
    await log.markPublished(taken.map(({ seq }) => seq));
    return taken.filter(({ event }) => event.subject === order.id).length;
  };
  return {
    order,
    orders,
    publish,
    lines,
    resubmit: createRepublishRequest({ orders, log, policy, logger }),
  };
}

describe('an order on which no decision came', () => {
  it('is asked for again, and has failed after the last attempt', async () => {
    const { order, publish, lines, resubmit } = await setUp();
    expect(await publish()).toBe(1);
    const again = await resubmit(order, context);
    expect(again).toMatchObject({ status: 'PENDING', attempts: 1 });
    expect(await publish()).toBe(1);
    expect(await resubmit(again, context)).toMatchObject({ status: 'FAILED', attempts: 2 });
    expect(lines.map(({ msg }) => msg)).toEqual([
      'decision asked for again',
      'order failed: nobody decided it',
    ]);
  });

  it('is only waited for while its request is not published', async () => {
    const { order, orders, resubmit } = await setUp();
    expect(await resubmit(order, context)).toMatchObject({ status: 'PENDING', attempts: 0 });
    expect((await orders.claimDue(100, 60_000)).map(({ id }) => id)).not.toContain(order.id);
  });
});
