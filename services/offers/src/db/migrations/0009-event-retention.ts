import { sql, type Migration } from 'kysely';

export const eventRetention: Migration = {
  up: async (db) => {
    await sql`create index order_events_by_time on order_events (time)`.execute(db);
    // Shows at once whether this database has ever published an event.
    await sql`
      create index order_events_published on order_events (seq)
      where published_at is not null`.execute(db);
  },
};
