/** `npm run events` writes what happened to the orders, for whoever analyses it. */
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { createLogger, runCommand } from '@loan-buddy/kit';
import { z } from 'zod';
import { readDatabaseConfig } from '../config';
import { openDatabase } from '../db/database';
import { migrate } from '../db/migrate';
import { createEventLog, type EventLog } from '../events/event-log';
import { eventFormats, headOf, lastEventIn } from '../events/event-row';
import { exportEvents } from './export-events';
import { UsageError } from './usage-error';

const USAGE = `usage: npm run -s events -- export [--since TIME] [--after PLACE] [--format ndjson|csv] [--limit N] [--out FILE]
  --since TIME    leaves out what happened before, e.g. 2026-11-01 or 2026-11-01T12:00:00Z
  --after PLACE   goes on where an export ended: it says so last, on stderr
  --out FILE      writes there; where the file has events already, it goes on after the last whole one, and what is
                  left of a row that was cut off is taken away first`;

const argumentsSchema = z.strictObject({
  since: z
    .string()
    .refine((text) => !Number.isNaN(Date.parse(text)), 'must be a time in ISO 8601')
    .transform((text) => new Date(text))
    .optional(),
  after: z.coerce.number().int().min(0).default(0),
  format: z.enum(eventFormats).default('ndjson'),
  limit: z.coerce.number().int().min(1).default(Infinity),
  out: z.string().min(1).optional(),
});

function readArguments(): z.output<typeof argumentsSchema> {
  const text = { type: 'string' } as const;
  try {
    const { positionals, values } = parseArgs({
      args: process.argv.slice(2),
      allowPositionals: true,
      options: { since: text, after: text, format: text, limit: text, out: text },
    });
    if (positionals.join(' ') === 'export') return argumentsSchema.parse({ ...values });
    throw new UsageError(USAGE);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new UsageError(`${reason}\n${USAGE}`, { cause: error });
  }
}

/** Whoever reads stdout may be slower than the database, or have seen enough. */
async function writeToStdout(rows: string): Promise<void> {
  if (!process.stdout.write(rows)) await once(process.stdout, 'drain');
}

/** How far back the last whole row of a file is looked for: a row has some 700 bytes. */
const TAIL_BYTES = 65_536;

/** Opens a file to go on with, whole rows only; says after which place that is. */
async function openToGoOn(path: string, head: string, log: Pick<EventLog, 'seqOf'>) {
  const file = await open(path, 'a+');
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    const tail = buffer.subarray(0, bytesRead);
    const whole = tail.lastIndexOf('\n') + 1;
    await file.truncate(from + whole);
    if (from + whole === 0) await file.write(head);
    const last = lastEventIn(tail.toString());
    const after = last && (await log.seqOf(last));
    const holdsRows = from + whole > head.length;
    if (after === undefined && holdsRows) {
      throw new UsageError(`${path} ends with no event of this database`);
    }
    return { file, after };
  } catch (error) {
    await file.close();
    throw error;
  }
}

void runCommand('events', async () => {
  const { out, ...wanted } = readArguments();
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
  const config = readDatabaseConfig(process.env);
  const logger = createLogger({ service: 'events', level: 'warn' });
  const database = await openDatabase(config, logger);
  try {
    const done = await database.unhurried(async (db) => {
      await migrate(db);
      const log = createEventLog(db);
      const head = headOf(wanted.format);
      if (out === undefined) {
        if (wanted.after === 0) await writeToStdout(head);
        return exportEvents(log, wanted, writeToStdout);
      }
      const { file, after = wanted.after } = await openToGoOn(out, head, log);
      try {
        return await exportEvents(log, { ...wanted, after }, (rows) => file.appendFile(rows));
      } finally {
        await file.close();
      }
    });
    const { count, last } = done;
    process.stderr.write(
      `${String(count)} events; the next export goes on --after ${String(last)}\n`,
    );
  } finally {
    await database.close();
  }
});
