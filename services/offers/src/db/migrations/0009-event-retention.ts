import { sql, type Migration } from 'kysely';

export const eventRetention: Migration = {
  up: async (db) => {
    await sql`create index order_events_by_time on order_events (time)`.execute(db);
    // Shows at once whether this database has ever published an event.
    await sql`
      create index order_events_published on order_events (seq)
      where published_at is not null`.execute(db);
    // A sweep looks up what is pending for each event, however long the queues are.
    await sql`
      create index webhook_deliveries_pending on webhook_deliveries (id)
      where status = 'pending'`.execute(db);
    await sql`
      create index email_jobs_pending on email_jobs (event_id) where status = 'pending'`.execute(
      db,
    );
  },
};
