import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '@loan-buddy/kit/process';
import { sql, type Kysely, type Selectable } from 'kysely';
import { createQueue, msFromNow } from '../db/queue';
import type { OrderEventsTable, Tables } from '../db/tables';
import { inBatches } from '../db/sweep';
import { EVENT_SOURCE, type OrderEvent } from '../domain/order-event';

/** An event and its position in the log. Later events of the same order have higher positions. */
export interface LoggedEvent {
  seq: number;
  event: OrderEvent;
}

/** What has happened to an order so far. */
export interface OrderHistory {
  /** Oldest first. */
  events: LoggedEvent[];
  /** Set while the order is pending and attempts have failed since it became pending. */
  failing?: { attempts: number; nextAttemptAt: Date };
}

export type EventLog = ReturnType<typeof createEventLog>;

/** A standby does not know the primary's open transactions. */
class StandbyError extends StartError {
  readonly code = 'standby';
}

/** Orders whose events one statement deletes. */
const SWEEP_BATCH = 1000;
/** Polling interval while waiting for transactions. */
const POLL_MS = 20;

/** The log of order events, which only the database's triggers write to. */
export function createEventLog(db: Kysely<Tables>) {
  const queue = createQueue(db, {
    table: 'orderEvents',
    key: ['seq'],
    dueAt: 'claimedUntil',
    pending: sql`published_at is null`,
  });
  const select = () => db.selectFrom('orderEvents').selectAll('orderEvents').orderBy('seq');

  return {
    /** Oldest first. */
    listByOrder: async (orderId: string) =>
      (await select().where('orderId', '=', orderId).execute()).map(toLogged),

    /** Reads events and attempts together: they must fit each other. */
    historyOf: async (orderId: string): Promise<OrderHistory> => {
      const rows = await select()
        .leftJoin('orders', 'orders.id', 'orderEvents.orderId')
        .select(['orders.attempts', 'orders.dueAt'])
        .where('orderId', '=', orderId)
        .execute();
      const { attempts, dueAt } = rows[0] ?? {};
      return {
        events: rows.map(toLogged),
        ...(attempts && dueAt && { failing: { attempts, nextAttemptAt: dueAt } }),
      };
    },

    /**
     * Claims up to `limit` unpublished events, oldest first: one per order, the next only after that is published. No
     * other caller gets them until `leaseMs` have passed.
     */
    claimUnpublished: async (limit: number, leaseMs: number) => {
      const rows = await queue.claim({
        limit,
        leaseMs,
        due: sql`
          select e.seq from order_events e
          where e.published_at is null and (e.claimed_until is null or e.claimed_until <= now())
            and not exists (
              select from order_events earlier
              where earlier.published_at is null
                and earlier.order_id = e.order_id and earlier.seq < e.seq)
          order by e.seq limit ${limit} for update skip locked`,
        returning: sql<Row>`job.*`,
      });
      return rows.map(toLogged).sort((a, b) => a.seq - b.seq);
    },

    markPublished: async (events: readonly LoggedEvent[]) => {
      await queue.finish(events, { publishedAt: sql`now()` });
    },

    /** For events that could not be published. */
    release: async (events: readonly LoggedEvent[], pauseMs: number) => {
      await queue.retryLater(events, pauseMs);
    },

    /**
     * Returns the highest position such that no new event can appear between `after` and it. Waits, without blocking
     * them, for transactions that may still commit an earlier event. If one takes longer than `waitMs`, returns the
     * position before the first missing event.
     *
     * @throws {StandbyError} if the database cannot know.
     */
    horizon: async (after: number, waitMs: number) => {
      const { rows } = await sql<{ last: number; standby: boolean }>`
        select coalesce(max(seq), 0) as last, pg_is_in_recovery() as standby
        from order_events`.execute(db);
      const { last, standby } = rows[0]!;
      if (standby) {
        throw new StandbyError('the database is a standby: export from the one it follows');
      }
      // A transaction with an earlier position already holds its table lock, until it commits. Times and transaction
      // ids do not help: a transaction that begins later may take the earlier position.
      let writers = await openWriters(db);
      const deadline = performance.now() + waitMs;
      while (writers.size > 0 && performance.now() < deadline) {
        await sleep(POLL_MS);
        const open = await openWriters(db);
        // Ignore writers that started later, or a busy database would never be done.
        writers = new Set([...writers].filter((transaction) => open.has(transaction)));
      }
      return writers.size === 0 ? last : Math.min(last, await beforeFirstGap(db, after));
    },

    /** Returns up to `limit` events after the position `after`, up to and including `upTo`, in order. */
    page: async (range: {
      after: number;
      upTo: number;
      since?: Date | undefined;
      limit: number;
    }) => {
      const { after, upTo, since, limit } = range;
      const all = select().where('seq', '>', after).where('seq', '<=', upTo).limit(limit);
      const rows = await (since ? all.where('time', '>=', since) : all).execute();
      return rows.map(toLogged);
    },

    /**
     * Deletes the events of orders whose last event is this old, until the signal aborts; returns how many. Deletes all
     * events of an order or none: the last one has its state. Keeps what is still needed: the events of pending orders,
     * of deliveries and e-mails that are pending, and those to publish. If this process does not publish, and no event
     * was ever published, none will be.
     */
    sweep: async (agoMs: number, publishes: boolean, signal: AbortSignal) => {
      const cutoff = msFromNow(-agoMs);
      const { rows } = await sql<{ published: boolean }>`
        select exists (select from order_events where published_at is not null) as published`.execute(
        db,
      );
      // The newest published event stays, so that later sweeps know.
      const isKept =
        publishes || rows[0]!.published
          ? sql`e.published_at is null
          or e.seq = (select max(seq) from order_events where published_at is not null)`
          : sql`false`;
      return inBatches(
        async (limit) => {
          const { numAffectedRows = 0n } = await sql`
            with old as materialized (
              select o.id from order_events last join orders o on o.id = last.order_id
              where last.time <= ${cutoff} and o.status <> 'PENDING'
                and not exists (
                  select from order_events e
                  where e.order_id = o.id and (
                    e.seq > last.seq or e.time > ${cutoff} or ${isKept}
                    or exists (
                      select from email_jobs where event_id = e.id and status = 'pending')
                    or exists (
                      select from webhook_deliveries d
                      where d.id = 'msg_' || replace(e.id::text, '-', '') and d.status = 'pending')))
              order by last.time limit ${limit} for no key update of o skip locked)
            delete from order_events where order_id in (select id from old)`.execute(db);
          return numAffectedRows;
        },
        signal,
        SWEEP_BATCH,
      );
    },

    /** Fast with the order's id; otherwise reads the whole table. */
    findSeq: async ({ id, orderId }: { id: string; orderId?: string }) => {
      const byId = db.selectFrom('orderEvents').select('seq').where('id', '=', id);
      const query = orderId === undefined ? byId : byId.where('orderId', '=', orderId);
      return (await query.executeTakeFirst())?.seq;
    },
  };
}

async function openWriters(db: Kysely<Tables>): Promise<Set<string>> {
  const { rows } = await sql<{ transaction: string }>`
    select virtualtransaction as transaction from pg_locks
    where locktype = 'relation' and mode = 'RowExclusiveLock' and granted
      and relation = 'order_events'::regclass
      and database = (select oid from pg_database where datname = current_database())`.execute(db);
  return new Set(rows.map(({ transaction }) => transaction));
}

/** Returns the position before the first gap after `after`: a position without a visible event. */
async function beforeFirstGap(db: Kysely<Tables>, after: number): Promise<number> {
  const { rows } = await sql<{ position: number }>`
    select e.seq as position from order_events e
    where e.seq > ${after}
      and exists (select from order_events first where first.seq = ${after}::bigint + 1)
      and not exists (select from order_events next where next.seq = e.seq + 1)
    order by e.seq limit 1`.execute(db);
  return rows[0]?.position ?? after;
}

type Row = Selectable<OrderEventsTable>;

function toLogged({ seq, id, orderId, type, time, data, traceparent }: Row): LoggedEvent {
  return {
    seq,
    event: {
      specversion: '1.0',
      id,
      source: EVENT_SOURCE,
      type,
      subject: orderId,
      time: time.toISOString(),
      datacontenttype: 'application/json',
      ...(traceparent !== null && { traceparent }),
      data,
    },
  };
}
