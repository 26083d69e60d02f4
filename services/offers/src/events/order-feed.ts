import { setMaxListeners } from 'node:events';
import type { Listen } from '../db/listen';
import type { EventLog, OrderHistory } from './event-log';

/**
 * On this channel, a trigger (migration 0011) sends the id of each order whose status changed, and the order store that
 * of each order whose attempt failed.
 */
export const ORDER_CHANGED = 'order_changed';
/** Polling interval, in case a notification is lost. */
const POLL_MS = 5000;

/** Notifies of orders changed by any replica. */
export interface OrderFeed {
  /** Calls back whenever the order may have changed, until the returned function is called. */
  watch: (orderId: string, listener: () => void) => () => void;
  /** Reads what has happened to the order so far. All watchers of one change share one read. */
  historyOf: (orderId: string) => Promise<OrderHistory>;
  /** Aborts when the process begins to stop: no caller should wait any longer. */
  closing: AbortSignal;
  close: () => Promise<void>;
}

/**
 * Listens to the database for orders changed by any replica. Watchers are also called every five seconds and after each
 * lost connection, so a lost notification costs only time.
 */
export async function createOrderFeed(dependencies: {
  listen: Listen;
  log: Pick<EventLog, 'historyOf'>;
}): Promise<OrderFeed> {
  const { listen, log } = dependencies;
  const watched = new Map<string, { listeners: Set<() => void>; timer: NodeJS.Timeout }>();
  const reads = new Map<string, Promise<OrderHistory>>();
  const closing = new AbortController();
  // Every waiting request listens to this signal.
  setMaxListeners(0, closing.signal);

  const notify = (orderId: string) => {
    // A read in progress may predate the change.
    reads.delete(orderId);
    for (const listener of watched.get(orderId)?.listeners ?? []) listener();
  };
  const notifyAll = () => {
    for (const orderId of watched.keys()) notify(orderId);
  };
  const stopListening = await listen(ORDER_CHANGED, { onNotification: notify, onGap: notifyAll });

  return {
    watch: (orderId, listener) => {
      const order = watched.get(orderId) ?? {
        listeners: new Set(),
        // Separate timers, so that the reads do not coincide.
        timer: setInterval(notify, POLL_MS, orderId),
      };
      watched.set(orderId, order);
      const { listeners, timer } = order;
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        clearInterval(timer);
        if (watched.get(orderId) === order) watched.delete(orderId);
      };
    },
    historyOf: (orderId) => {
      const running = reads.get(orderId);
      if (running) return running;
      const read = log.historyOf(orderId).finally(() => {
        if (reads.get(orderId) === read) reads.delete(orderId);
      });
      reads.set(orderId, read);
      return read;
    },
    closing: closing.signal,
    close: async () => {
      closing.abort();
      for (const { timer } of watched.values()) clearInterval(timer);
      await stopListening();
    },
  };
}
