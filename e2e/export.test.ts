/** `npm run events -- export`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordingLogger } from '@loan-buddy/kit/testing';
import fc from 'fast-check';
import { sql } from 'kysely';
import { openDatabase, type Database } from '../services/offers/src/db/database';
import { migrate } from '../services/offers/src/db/migrate';
import { orderEventSchema, type OrderEvent } from '../services/offers/src/domain/order-event';
import { createOrderStore, type OrderStore } from '../services/offers/src/orders/order-store';
import { anOrder } from '../services/offers/test/builders';
import { report } from './support/client';
import { atEnd } from './support/at-end';
import { describeWithServer, newStorage, storageName } from './support/postgres';
import { root } from './support/service-process';

const script = join(root, 'services/offers/dist/commands/events.js');

/** Runs the built command. Calls `onRow` for each row as it arrives. */
async function exportWith(storage: NodeJS.ProcessEnv, ...args: string[]) {
  const child = spawn(process.execPath, ['--max-old-space-size=64', script, 'export', ...args], {
    env: { PATH: process.env['PATH'], ...storage },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr, bytes, peakMb] = ['', '', 0, 0];
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes < 10_000_000) stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const sampling = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${String(child.pid)}/status`, 'utf8');
      peakMb = Math.max(peakMb, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
    } catch {
      // Another operating system, or the process has ended.
    }
  }, 50);
  const [code] = (await once(child, 'close')) as [number];
  clearInterval(sampling);
  return { code, stdout, stderr, peakMb };
}

async function withDatabase<Result>(
  storage: NodeJS.ProcessEnv,
  work: (database: Database) => Promise<Result>,
): Promise<Result> {
  const { DATABASE_URL: url = '', DATA_DIR = '' } = storage;
  const database = await openDatabase(
    {
      DATABASE_URL: url === '' ? undefined : url,
      DATA_DIR,
      DATABASE_POOL_SIZE: 3,
      DATABASE_TIMEOUT_MS: 3_600_000,
    },
    recordingLogger().logger,
  );
  try {
    await migrate(database.db);
    return await work(database);
  } finally {
    await database.close();
  }
}

const eventsIn = (text: string): OrderEvent[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const event = JSON.parse(line) as OrderEvent;
      // The event has only members that the schema knows.
      expect(orderEventSchema.parse(event)).toEqual(event);
      return event;
    });

/** Every operation on an order, legal or not. */
const steps: Record<string, (orders: OrderStore, id: string) => Promise<unknown>> = {
  fail: (orders, id) => orders.recordFailure(id, { reason: 'x', dueInMs: 60_000, maxAttempts: 2 }),
  approve: (orders, id) => orders.decide(id, 'APPROVED'),
  reject: (orders, id) => orders.decide(id, 'REJECTED'),
  retry: (orders, id) => orders.retry(id),
  postpone: (orders, id) => orders.postpone(id, 60_000),
};

describe(`the export, on ${storageName}`, () => {
  it('replays to the current state of every order', async () => {
    const storage = await newStorage();
    const history = fc.array(fc.constantFrom(...Object.keys(steps)), { maxLength: 8 });
    const now = await withDatabase(storage, async ({ db }) => {
      const orders = createOrderStore(db);
      const ids: string[] = [];
      await fc.assert(
        fc.asyncProperty(history, async (names) => {
          const order = anOrder();
          ids.push(order.id);
          await orders.insert(order, 60_000);
          for (const name of names) await steps[name]!(orders, order.id);
        }),
        { numRuns: 100 },
      );
      return Promise.all(ids.map((id) => orders.find(id)));
    });
    const { code, stdout, stderr } = await exportWith(storage);
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^\d+ events; .* --after \d+\n$/)]);
    const replayed = new Map<string, OrderEvent['data']>();
    for (const { subject, data } of eventsIn(stdout)) replayed.set(subject, data);
    expect(replayed.size).toBe(now.length);
    for (const order of now) {
      expect(replayed.get(order!.id)).toMatchObject({
        user_id: order!.userId,
        loan_id: order!.offer.id,
        status: order!.status,
        created_at: order!.createdAt.toISOString(),
      });
    }
  });

  it('continues where it ended, even in a file that a kill cut short', async () => {
    const storage = await newStorage();
    const add = (count: number) =>
      withDatabase(storage, async ({ db }) => {
        for (let i = 0; i < count; i++) {
          await createOrderStore(db).insert(anOrder({ userId: `a "b", ${String(i)}` }), 60_000);
        }
      });
    await add(3);
    const first = await exportWith(storage, '--limit', '2');
    const after = /--after (\d+)/.exec(first.stderr)![1]!;
    const rest = await exportWith(storage, '--after', after, '--since', '2020-01-01');
    const future = exportWith(storage, '--since', '2100-01-01T00:00:00Z');
    expect((await future).stdout).toBe('');
    expect(eventsIn(first.stdout + rest.stdout)).toHaveLength(3);

    const folder = mkdtempSync(join(tmpdir(), 'export-'));
    atEnd(() => {
      rmSync(folder, { recursive: true });
    });
    for (const [format, bytes] of [
      ['ndjson', 300],
      ['csv', 10],
      ['csv', -5],
    ] as const) {
      const args = ['--format', format, '--out', join(folder, format)];
      await exportWith(storage, ...args);
      const whole = readFileSync(join(folder, format), 'utf8');
      expect(whole.match(/\n/g)).toHaveLength(format === 'csv' ? 4 : 3);
      truncateSync(join(folder, format), bytes < 0 ? whole.length + bytes : bytes);
      expect((await exportWith(storage, ...args)).code).toBe(0);
      expect(readFileSync(join(folder, format), 'utf8')).toBe(whole);
    }
    const stranger = join(folder, 'stranger');
    const whole = readFileSync(join(folder, 'ndjson'), 'utf8');
    for (const [format, text] of [
      ['ndjson', 'Dear diary,\n'],
      ['ndjson', 'Dear diary, today'],
      ['ndjson', `${whole}Dear diary,\n`],
      ['csv', 'Dear diary, today'],
      ['csv', whole],
    ] as const) {
      writeFileSync(stranger, text);
      const refused = await exportWith(storage, '--format', format, '--out', stranger);
      expect([refused.code, refused.stderr]).toEqual([
        1,
        expect.stringMatching(/is not an export of this database/),
      ]);
      expect(readFileSync(stranger, 'utf8')).toBe(text);
    }
    const nowhere = await exportWith(storage, '--out', join(folder, 'nowhere', 'file'));
    expect([nowhere.code, nowhere.stderr]).toEqual([1, expect.stringMatching(/cannot be written/)]);
  });

  it('prints its usage for wrong arguments', async () => {
    const storage = await newStorage();
    for (const args of [
      ['--format', 'xml'],
      ['--since', 'soon'],
      ['--since', '5'],
      ['--after', '0x10'],
      ['--after', ''],
      ['--limit', '0'],
      ['--what'],
      ['more'],
    ]) {
      const { code, stderr } = await exportWith(storage, ...args);
      expect([args, code, stderr]).toEqual([args, 2, expect.stringContaining('usage: ')]);
    }
  });

  it('writes 100,000 events in flat memory', async () => {
    const storage = await newStorage();
    await withDatabase(storage, async ({ db }) => {
      await sql`
        insert into orders (id, user_id, status, created_at, offer_id, provider, rate, amount, due_at)
        select 'order-' || gen_random_uuid(), 'user-' || n % 1000, 'PENDING', now(), 'offer2',
          'ProviderB', 2.9, 12000, now() + interval '1 day'
        from generate_series(1, 100000) n`.execute(db);
    });
    const few = await exportWith(storage, '--limit', '1000');
    const startedAt = performance.now();
    const all = await exportWith(storage);
    const tookS = (performance.now() - startedAt) / 1000;
    expect([all.code, all.stderr]).toEqual([0, expect.stringContaining('100000 events')]);
    report(
      `${storageName}: 100,000 events exported in ${tookS.toFixed(1)} s, peak ${all.peakMb.toFixed(0)} MB, ` +
        `${few.peakMb.toFixed(0)} MB for 1,000`,
    );
    if (few.peakMb > 0) expect(all.peakMb - few.peakMb).toBeLessThan(80);
  });
});

describeWithServer('the export during an open transaction', () => {
  it('skips no event that is committed late', async () => {
    const storage = await newStorage();
    await withDatabase(storage, async ({ db }) => {
      const orders = createOrderStore(db);
      const late = anOrder();
      let commit: () => void = () => undefined;
      const committing = new Promise<void>((resolve) => (commit = resolve));
      let written: () => void = () => undefined;
      const isWritten = new Promise<void>((resolve) => (written = resolve));
      const writing = db.transaction().execute(async (trx) => {
        await createOrderStore(trx).insert(late, 60_000);
        written();
        await committing;
      });
      await isWritten;
      await orders.insert(anOrder(), 60_000);
      const early = await exportWith(storage);
      expect([early.code, early.stdout]).toEqual([0, '']); // otherwise it would leave a gap
      commit();
      await writing;
      const { stdout } = await exportWith(storage);
      expect(eventsIn(stdout).map(({ subject }) => subject)).toContain(late.id);
      expect(eventsIn(stdout)).toHaveLength(2);
    });
  });
});
