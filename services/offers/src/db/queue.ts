import { sql, type Kysely, type RawBuilder } from 'kysely';
import { deleteInBatches, inBatches } from './sweep';
import type { Tables } from './tables';

/** The time this many milliseconds from now, by the database's clock, which all replicas share. */
export const msFromNow = (ms: number) => sql<Date>`now() + ${ms}::float8 * interval '1 ms'`;

type Column<Table extends keyof Tables> = keyof Tables[Table] & string;

type Changes<Table extends keyof Tables> = Partial<Record<Column<Table>, unknown>>;

/**
 * Uses a table as a queue that the workers of all replicas share. A row is a job, and pending until it is finished. A
 * claim moves the time at which a job is due to the end of a lease, so the job of a worker that died is due again.
 *
 * @param options.key identifies a claimed job; with `attempts` in it, each attempt has one recorded result
 * @param options.dueAt column for the time at which a pending job is due
 * @param options.pending condition for pending jobs
 */
export function createQueue<Table extends keyof Tables, Key extends Column<Table>>(
  db: Kysely<Tables>,
  options: {
    table: Table;
    key: readonly Key[];
    dueAt: Column<Table>;
    pending: RawBuilder<boolean>;
  },
) {
  type Jobs = readonly Record<Key, unknown>[];
  const { key, pending } = options;
  const table = sql.table(options.table);
  const dueAt = sql.ref(options.dueAt);
  const keyOf = (alias: string) => sql.join(key.map((column) => sql.ref(`${alias}.${column}`)));
  const assign = (changes: Changes<Table>) =>
    sql.join(Object.entries(changes).map(([name, value]) => sql`${sql.ref(name)} = ${value}`));
  const dueFrom = (time: unknown) => ({ [options.dueAt]: time }) as Changes<Table>;

  const dueJobs = (limit: number) => sql`
    select ${keyOf('job')} from ${table} as job where ${pending} and ${dueAt} <= now()
    order by ${dueAt} limit ${limit} for update skip locked`;

  // A CTE: a join may run a subquery many times, and then it locks more rows than its limit.
  const changeDue = <Row>(
    due: RawBuilder<unknown>,
    changes: Changes<Table>,
    returning: RawBuilder<Row>,
  ) =>
    sql<Row>`
      with due as materialized (${due})
      update ${table} as job set ${assign(changes)} from due
      where (${keyOf('job')}) = (${keyOf('due')})
      returning ${returning}`.execute(db);

  // The planner cannot prove that this is the condition of an index of pending jobs: to find a few jobs by their keys, it
  // might read all of it.
  const isPending = sql`coalesce(${pending}, false)`;

  /** Changes jobs that are still pending; returns `returning` for each of them. */
  const update = async <Row>(
    jobs: Jobs,
    changes: Changes<Table>,
    returning: RawBuilder<Row> = sql`1`,
  ): Promise<Row[]> => {
    if (jobs.length === 0) return [];
    const keys = jobs.map((job) => sql`(${sql.join(key.map((column) => job[column]))})`);
    const { rows } = await sql<Row>`
      update ${table} as job set ${assign(changes)}
      where (${keyOf('job')}) in (${sql.join(keys)}) and ${isPending}
      returning ${returning}`.execute(db);
    return rows;
  };

  return {
    update,

    /**
     * Claims up to `limit` due jobs, longest due first. No other caller gets them until `leaseMs` have passed.
     *
     * @param claim.due selects the keys of the jobs to claim, and locks the rows
     * @param claim.returning columns of `job` and of `due`
     */
    claim: async <Row>(claim: {
      limit: number;
      leaseMs: number;
      due?: RawBuilder<unknown>;
      returning: RawBuilder<Row>;
    }): Promise<Row[]> => {
      const { limit, leaseMs, due = dueJobs(limit), returning } = claim;
      return (await changeDue(due, dueFrom(msFromNow(leaseMs)), returning)).rows;
    },

    /** Ends jobs: completed or given up, as the changes say. */
    finish: (jobs: Jobs, changes: Changes<Table>) => update(jobs, { ...changes, ...dueFrom(null) }),

    retryLater: (jobs: Jobs, pauseMs: number, changes: Changes<Table> = {}) =>
      update(jobs, { ...changes, ...dueFrom(msFromNow(pauseMs)) }),

    /** Ends all due jobs, until the signal aborts; returns how many. */
    finishDue: (changes: Changes<Table>, signal: AbortSignal) =>
      inBatches(async (limit) => {
        const all = { ...changes, ...dueFrom(null) };
        return (await changeDue(dueJobs(limit), all, sql`1`)).numAffectedRows ?? 0n;
      }, signal),

    /** Deletes jobs that ended this long ago, until the signal aborts; returns how many. */
    deleteEnded: (endedAt: Column<Table>, agoMs: number, signal: AbortSignal) => {
      const where = sql<boolean>`not ${pending} and ${sql.ref(endedAt)} <= ${msFromNow(-agoMs)}`;
      return deleteInBatches(db, options.table, { where, orderBy: endedAt, signal });
    },
  };
}
