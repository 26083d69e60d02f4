import { sql, type Migration } from 'kysely';

export const notificationRetention: Migration = {
  up: async (db) => {
    // Indexed by end time, so that sweeps read only ended rows.
    await sql`
      create index webhook_deliveries_ended on webhook_deliveries (last_attempt_at)
      where status <> 'pending'`.execute(db);
    await sql`
      create index email_jobs_ended on email_jobs (finished_at) where status <> 'pending'`.execute(
      db,
    );
  },
};
