import { setMaxListeners } from 'node:events';
import type { Listen } from '../db/listen';
import type { EventLog, LoggedEvent } from '../events/event-log';

/** The channel on which the database names each order that changed. */
const CHANNEL = 'order_changed';
/** How often those who wait look for themselves, should nobody have told them. */
const LOOK_MS = 5000;

/** Tells of orders that change, whichever replica changes them. */
export interface OrderFeed {
  /** Calls back whenever the order may have changed, until the returned function is called. */
  watch: (orderId: string, listener: () => void) => () => void;
  /** The order's events as they are now. All who ask after the same change share one look. */
  eventsOf: (orderId: string) => Promise<LoggedEvent[]>;
  /** Aborts when nobody should wait any longer: the process is about to stop. */
  closing: AbortSignal;
  /** Listens no more. */
  close: () => Promise<void>;
}

/**
 * Listens to the database for orders that change, on whichever replica. Those who watch an order are also told every five
 * seconds, and whenever the connection was away, so that a lost notification costs time and nothing else.
 */
export async function createOrderFeed(dependencies: {
  listen: Listen;
  log: Pick<EventLog, 'of'>;
}): Promise<OrderFeed> {
  const { listen, log } = dependencies;
  const watched = new Map<string, { listeners: Set<() => void>; looking: NodeJS.Timeout }>();
  const looks = new Map<string, Promise<LoggedEvent[]>>();
  const closing = new AbortController();
  // Everybody who waits listens to it.
  setMaxListeners(0, closing.signal);

  const tell = (orderId: string) => {
    // A look that is under way may have been too early.
    looks.delete(orderId);
    for (const listener of watched.get(orderId)?.listeners ?? []) listener();
  };
  const tellAll = () => {
    for (const orderId of watched.keys()) tell(orderId);
  };
  const beginWatching = (orderId: string) => {
    // Each at its own time, so that they do not all look at once.
    const looking = setInterval(tell, LOOK_MS, orderId);
    const order = { listeners: new Set<() => void>(), looking };
    watched.set(orderId, order);
    return order;
  };

  const stopListening = await listen(CHANNEL, { onNotification: tell, onGap: tellAll });

  return {
    watch: (orderId, listener) => {
      const order = watched.get(orderId) ?? beginWatching(orderId);
      const { listeners, looking } = order;
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        clearInterval(looking);
        if (watched.get(orderId) === order) watched.delete(orderId);
      };
    },
    eventsOf: (orderId) => {
      const underWay = looks.get(orderId);
      if (underWay) return underWay;
      const look = log.of(orderId).finally(() => {
        if (looks.get(orderId) === look) looks.delete(orderId);
      });
      looks.set(orderId, look);
      return look;
    },
    closing: closing.signal,
    close: async () => {
      closing.abort();
      for (const { looking } of watched.values()) clearInterval(looking);
      await stopListening();
    },
  };
}
