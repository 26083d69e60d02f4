import { sql, type Migration } from 'kysely';

export const rateLimitUsage: Migration = {
  up: async (db) => {
    // Unlogged: counts lost in a crash start again in the next window.
    await sql`
      create unlogged table rate_limit_usage (
        key text not null,
        window_start integer not null,
        count integer not null,
        expires_at timestamptz not null,
        primary key (key, window_start)
      )`.execute(db);
  },
};
