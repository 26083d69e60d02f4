import { sql } from 'kysely';

/** So many milliseconds from now, by the database's clock: it is one for all replicas. */
export const inMs = (ms: number) => sql<Date>`now() + ${ms}::float8 * interval '1 ms'`;
