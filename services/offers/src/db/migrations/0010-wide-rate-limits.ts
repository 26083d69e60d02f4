import { sql, type Migration } from 'kysely';

export const wideRateLimits: Migration = {
  up: async (db) => {
    // The seconds since the epoch exceed an integer in 2038.
    await sql`
      alter table rate_limit_usage
        alter column window_start type bigint,
        alter column count type bigint`.execute(db);
  },
};
