import { sql, type Kysely, type Selectable } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { msFromNow } from '../db/queue';
import { deleteInBatches } from '../db/sweep';
import type { Tables, WebhookEndpointsTable } from '../db/tables';

/** The columns of a receiver. Its secrets are stored apart: only the signing code reads them. */
const columns = [
  'id',
  'url',
  'description',
  'eventTypes',
  'enabled',
  'disabledReason',
  'createdAt',
] as const;

/** A registered receiver of webhooks; `previousSecretUntil` is null unless the previous secret still signs. */
export type Receiver = Pick<
  Selectable<WebhookEndpointsTable>,
  (typeof columns)[number] | 'previousSecretUntil'
>;

/** The settings of a receiver that an operator chooses. */
type ReceiverSettings = Pick<Receiver, 'url' | 'description' | 'eventTypes' | 'enabled'>;

type ReceiverChanges = { [Name in keyof ReceiverSettings]?: ReceiverSettings[Name] | undefined };

/** Each receiver adds a row to the transaction of every decision. */
export const MAX_RECEIVERS = 100;

/** Format of a receiver's id: a UUIDv7, so that later ones sort later. */
export const RECEIVER_ID_PATTERN = /^wh-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const previousSecretUntil = sql<Date | null>`
  case when previous_secret_until > now() then previous_secret_until end`.as('previousSecretUntil');

/** Stores receivers. Every method throws {@link DatabaseUnavailableError} while the database is unavailable. */
export function createReceiverStore(db: Kysely<Tables>) {
  const select = () => db.selectFrom('webhookEndpoints').select([...columns, previousSecretUntil]);

  const changeOne = (id: string, changes: object) =>
    db
      .updateTable('webhookEndpoints')
      .set(changes)
      .where('id', '=', id)
      .returning([...columns, previousSecretUntil])
      .executeTakeFirst();

  return {
    /** Returns undefined, and stores nothing, if there are already {@link MAX_RECEIVERS}. */
    insert: async (settings: ReceiverSettings, secret: string): Promise<Receiver | undefined> => {
      const { url, description, eventTypes, enabled } = settings;
      return db.transaction().execute(async (trx) => {
        // Otherwise, concurrent inserts would not count each other.
        await sql`lock table webhook_endpoints in share row exclusive mode`.execute(trx);
        const { rows } = await sql<Receiver>`
          insert into webhook_endpoints (id, url, description, event_types, enabled, secret)
          select ${`wh-${uuidv7()}`}, ${url}, ${description}::text, ${eventTypes}::text[],
            ${enabled}::boolean, ${secret}
          where (select count(*) from webhook_endpoints) < ${MAX_RECEIVERS}
          returning ${sql.join(columns.map((column) => sql.ref(column)))}, ${previousSecretUntil}
        `.execute(trx);
        return rows[0];
      });
    },

    list: () => select().orderBy('id', 'desc').execute(),

    find: (id: string) => select().where('id', '=', id).executeTakeFirst(),

    /** Updates the given settings. Enabling clears the reason for disabling and any pause. */
    update: (id: string, changes: ReceiverChanges) =>
      changeOne(id, {
        // An update needs a column even if no setting changes; Kysely ignores undefined ones.
        id,
        ...changes,
        ...(changes.enabled !== undefined && { disabledReason: null }),
        ...(changes.enabled && { restingUntil: null }),
      }),

    /** Signs with this secret from now on, and with the previous one for another `keepMs`. */
    rotateSecret: (id: string, secret: string, keepMs: number) => {
      const previous = { previousSecret: sql`secret`, previousSecretUntil: msFromNow(keepMs) };
      return changeOne(id, { ...previous, secret });
    },

    /** Returns false if there is none. If interrupted, the receiver stays disabled and can be removed again. */
    remove: async (id: string) => {
      const disabled = { enabled: false, disabledReason: 'It is being deleted.' };
      if (!(await changeOne(id, disabled))) return false;
      // Deleting the receiver blocks decisions, so delete its deliveries first.
      const where = sql<boolean>`endpoint_id = ${id}`;
      await deleteInBatches(db, 'webhookDeliveries', { where, orderBy: 'seq' });
      const { numDeletedRows } = await db
        .deleteFrom('webhookEndpoints')
        .where('id', '=', id)
        .executeTakeFirst();
      return numDeletedRows > 0n;
    },
  };
}
