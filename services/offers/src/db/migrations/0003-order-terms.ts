import { sql, type Migration } from 'kysely';

export const orderTerms: Migration = {
  up: async (db) => {
    await sql`alter table orders add column term_months integer`.execute(db);
  },
};
