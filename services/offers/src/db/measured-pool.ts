import type { GaugeSource } from '@loan-buddy/kit/telemetry';
import type { PostgresPool } from 'kysely';

/** How a pool of connections is used now. */
export interface PoolUse {
  /** Maximum connections. */
  size: number;
  /** Connections that run a statement or a transaction. */
  used: number;
  /** Callers that wait for a connection. */
  waiting: number;
}

/** Counts the use of a pool. */
export function measurePool(pool: PostgresPool, size: number) {
  let used = 0;
  let waiting = 0;
  const measured: PostgresPool = {
    connect: async () => {
      waiting += 1;
      const client = await pool.connect().finally(() => {
        waiting -= 1;
      });
      used += 1;
      return {
        ...client,
        release: () => {
          used -= 1;
          client.release();
        },
      };
    },
    end: () => pool.end(),
  };
  return { pool: measured, use: (): PoolUse => ({ size, used, waiting }) };
}

/** Gauges of this replica's connections to the database. */
export function createPoolGauges(use: () => PoolUse): GaugeSource {
  return {
    gauges: {
      loan_buddy_database_pool_size: {
        help: 'Largest number of connections that this replica opens to the database.',
      },
      loan_buddy_database_pool_used: { help: 'Connections that are in use.' },
      loan_buddy_database_pool_waiting: { help: 'Callers that wait for a connection.' },
    },
    read: () => {
      const { size, used, waiting } = use();
      return {
        loan_buddy_database_pool_size: size,
        loan_buddy_database_pool_used: used,
        loan_buddy_database_pool_waiting: waiting,
      };
    },
  };
}
