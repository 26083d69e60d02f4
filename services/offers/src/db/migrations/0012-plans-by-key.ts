import { sql, type Migration } from 'kysely';

export const plansByKey: Migration = {
  up: async (db) => {
    // The high cost makes PostgreSQL find orders by their keys before it calls this, even in a plan that it made while the
    // table was small: it keeps the plans of prepared statements.
    await sql`
      create function is_pending(status text) returns boolean
      language plpgsql immutable cost 10000 as $$
      begin
        return coalesce(status = 'PENDING', false);
      end $$`.execute(db);
  },
};
