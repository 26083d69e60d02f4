import { sql, type Migration } from 'kysely';

export const decisionRequests: Migration = {
  up: async (db) => {
    await sql`alter table orders add column requested_at timestamptz`.execute(db);
  },
};
