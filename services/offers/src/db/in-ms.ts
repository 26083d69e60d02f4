import { sql } from 'kysely';

/** Returns the time this many milliseconds from now, by the database's clock, which all replicas share. */
export const inMs = (ms: number) => sql<Date>`now() + ${ms}::float8 * interval '1 ms'`;
