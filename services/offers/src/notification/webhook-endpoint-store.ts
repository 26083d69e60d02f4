import { sql, type Kysely, type Selectable } from 'kysely';
import { v7 as uuidv7 } from 'uuid';
import { deleteInBatches } from '../db/delete-in-batches';
import { inMs } from '../db/in-ms';
import type { Tables, WebhookEndpointsTable } from '../db/tables';

/** Somebody who is told of orders by webhook. Its secrets are kept apart: only what signs ever reads them. */
export interface WebhookEndpoint {
  id: string;
  url: string;
  description: string | null;
  /** Null: all there are. */
  eventTypes: readonly string[] | null;
  enabled: boolean;
  /** Why it was disabled, where nobody asked for that. */
  disabledReason: string | null;
  /** Until then messages are signed with the secret before, too; null if there is none. */
  previousSecretUntil: Date | null;
  createdAt: Date;
}

/** What its owner says of an endpoint. */
export type EndpointSettings = Pick<
  WebhookEndpoint,
  'url' | 'description' | 'eventTypes' | 'enabled'
>;

/** What of that is to change. */
export type EndpointChanges = {
  [Name in keyof EndpointSettings]?: EndpointSettings[Name] | undefined;
};

/** Keeps the endpoints. */
export interface WebhookEndpointStore {
  /** Returns undefined, and keeps nothing, where there are {@link MAX_ENDPOINTS} already. */
  insert: (settings: EndpointSettings, secret: string) => Promise<WebhookEndpoint | undefined>;
  list: () => Promise<WebhookEndpoint[]>;
  find: (id: string) => Promise<WebhookEndpoint | undefined>;
  /** Changes what is given. Enabling forgets why it was disabled, and that it was resting. */
  update: (id: string, changes: EndpointChanges) => Promise<WebhookEndpoint | undefined>;
  /** Signs with this secret from now on, and with the one before for `keepMs` more. */
  rotateSecret: (
    id: string,
    secret: string,
    keepMs: number,
  ) => Promise<WebhookEndpoint | undefined>;
  /**
   * Forgets it, with its deliveries; false if there is none. Where that ends half way, it is disabled and can be removed
   * again.
   */
  remove: (id: string) => Promise<boolean>;
}

/** Each of them costs every order a row, in the transaction that decides it. */
export const MAX_ENDPOINTS = 100;

/** What every endpoint's id looks like: a UUIDv7, so that later ones sort later. */
export const ENDPOINT_ID_PATTERN = /^wh-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const columns = [
  'id',
  'url',
  'description',
  'event_types',
  'enabled',
  'disabled_reason',
  'created_at',
] as const;
const previousSecretUntil = sql<Date | null>`
  case when previous_secret_until > now() then previous_secret_until end`.as(
  'previous_secret_until',
);

/** Keeps the endpoints in a database. Every method throws {@link DatabaseUnavailableError} while the database is away. */
export function createWebhookEndpointStore(db: Kysely<Tables>): WebhookEndpointStore {
  const select = () => db.selectFrom('webhook_endpoints').select([...columns, previousSecretUntil]);

  const changeOne = async (id: string, changes: object) => {
    const row = await db
      .updateTable('webhook_endpoints')
      .set(changes)
      .where('id', '=', id)
      .returning([...columns, previousSecretUntil])
      .executeTakeFirst();
    return row && toEndpoint(row);
  };

  return {
    insert: async ({ url, description, eventTypes, enabled }, secret) => {
      const { rows } = await sql<Row>`
        insert into webhook_endpoints (id, url, description, event_types, enabled, secret)
        select ${`wh-${uuidv7()}`}, ${url}, ${description}::text, ${eventTypes}::text[],
          ${enabled}::boolean, ${secret}
        where (select count(*) from webhook_endpoints) < ${MAX_ENDPOINTS}
        returning ${sql.join(columns.map((column) => sql.ref(column)))}, ${previousSecretUntil}
      `.execute(db);
      return rows[0] && toEndpoint(rows[0]);
    },

    list: async () => (await select().orderBy('id', 'desc').execute()).map(toEndpoint),

    find: async (id) => {
      const row = await select().where('id', '=', id).executeTakeFirst();
      return row && toEndpoint(row);
    },

    update: (id, { url, description, eventTypes, enabled }) =>
      changeOne(id, {
        // Something to set where nothing is to change.
        id,
        ...(url !== undefined && { url }),
        ...(description !== undefined && { description }),
        ...(eventTypes !== undefined && { event_types: eventTypes }),
        ...(enabled !== undefined && { enabled, disabled_reason: null }),
        ...(enabled === true && { resting_until: null }),
      }),

    rotateSecret: (id, secret, keepMs) =>
      changeOne(id, {
        previous_secret: sql`secret`,
        previous_secret_until: inMs(keepMs),
        secret,
      }),

    remove: async (id) => {
      const disabled = { enabled: false, disabled_reason: 'It is being deleted.' };
      if (!(await changeOne(id, disabled))) return false;
      // While the endpoint itself is deleted, decisions wait: few deliveries are to be left then.
      const where = sql<boolean>`endpoint_id = ${id}`;
      await deleteInBatches(db, 'webhook_deliveries', { where, orderBy: 'seq' });
      const { numDeletedRows } = await db
        .deleteFrom('webhook_endpoints')
        .where('id', '=', id)
        .executeTakeFirst();
      return numDeletedRows > 0n;
    },
  };
}

type Row = Pick<
  Selectable<WebhookEndpointsTable>,
  (typeof columns)[number] | 'previous_secret_until'
>;

function toEndpoint(row: Row): WebhookEndpoint {
  return {
    id: row.id,
    url: row.url,
    description: row.description,
    eventTypes: row.event_types,
    enabled: row.enabled,
    disabledReason: row.disabled_reason,
    previousSecretUntil: row.previous_secret_until,
    createdAt: row.created_at,
  };
}
