import { sql } from 'kysely';
import { useDatabase } from '../../test/database';
import { createWebhookDeliveryStore } from './webhook-delivery-store';

const database = useDatabase();

it('records successes together, each with its own status', async () => {
  const { db } = database();
  await sql`
    insert into webhook_endpoints (id, url, secret, enabled)
    values ('a', 'http://x', 's', true), ('b', 'http://x', 's', true)`.execute(db);
  await sql`
    insert into webhook_deliveries (endpoint_id, id, type, time, data)
    select endpoint, 'msg_' || n, 'type', now(), '{}'
    from unnest(array['a', 'b']) as endpoint, generate_series(1, 3) n`.execute(db);
  const store = createWebhookDeliveryStore(db);
  const claim = { limit: 10, perEndpoint: 10, inProgress: {}, leaseMs: 60_000 };
  const deliveries = await store.claimDue(claim);
  const codeOf = ({ endpointId, id }: { endpointId: string; id: string }) =>
    (endpointId === 'a' ? 200 : 210) + Number(id.at(-1));
  await Promise.all(
    deliveries.map((delivery) =>
      store.record(delivery, {
        ...{ statusCode: codeOf(delivery), error: null },
        ...{ dueInMs: undefined, pauseMs: undefined },
      }),
    ),
  );
  // Those of one transaction: the first is written alone.
  const times = new Set<number | undefined>();
  for (const endpoint of ['a', 'b']) {
    for (const stored of await store.list(endpoint, { limit: 10 })) {
      const ended = { status: 'succeeded', attempts: 1, dueAt: null };
      expect(stored).toMatchObject({ ...ended, lastStatusCode: codeOf(stored) });
      times.add(stored.lastAttemptAt?.getTime());
    }
  }
  expect(times.size).toBe(2);
});
