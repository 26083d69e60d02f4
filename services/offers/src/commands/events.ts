/** `npm run events` writes what happened to the orders, for whoever analyses it. */
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { createLogger, runCommand, UsageError } from '@loan-buddy/kit';
import { z } from 'zod';
import { readDatabaseConfig } from '../config';
import { openDatabase } from '../db/database';
import { migrate } from '../db/migrate';
import { createEventLog, type EventLog } from '../events/event-log';
import {
  eventFormats,
  headOf,
  isBeginning,
  lastEventIn,
  type EventFormat,
} from '../events/event-row';
import { exportEvents } from './export-events';

const USAGE = `usage: npm run -s events -- export [--since TIME] [--after POSITION] [--format ndjson|csv] [--limit N] [--out FILE]
  --since TIME      leaves out what happened before, e.g. 2026-11-01 or 2026-11-01T12:00:00Z
  --after POSITION  continues after an earlier export, which prints its last position on stderr
  --out FILE        writes to a file; one that has events already is continued after the last whole row, and the rest
                    of a row that was cut off is removed first`;

/** Not by coercion, which takes an empty text for 0, and 0x10 for 16. */
const wholeNumber = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a whole number')
  .transform(Number);

const argumentsSchema = z.strictObject({
  since: z
    .union([z.iso.date(), z.iso.datetime({ offset: true })], 'must be a time in ISO 8601')
    .transform((text) => new Date(text))
    .optional(),
  after: wholeNumber.default(0),
  format: z.enum(eventFormats).default('ndjson'),
  limit: wholeNumber.refine((limit) => limit > 0, 'must be at least 1').default(Infinity),
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

/**
 * Opens a file to continue, whole rows only; says after which position that is.
 *
 * @throws {UsageError} where it cannot be opened, or is no export from this database in this format: it stays as it is.
 */
async function openToContinue(path: string, format: EventFormat, log: Pick<EventLog, 'seqOf'>) {
  const head = headOf(format);
  const file = await open(path, 'a+').catch((error: unknown) => {
    throw new UsageError(`${path} cannot be written: ${(error as Error).message}`);
  });
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    const tail = buffer.subarray(0, bytesRead);
    const whole = tail.lastIndexOf('\n') + 1;
    const last = lastEventIn(tail.toString(), format);
    const after = last && (await log.seqOf(last));
    // Cut off before its first row was whole, if it is an export at all.
    const isBegun = from === 0 && isBeginning(tail.toString(), format);
    if (after === undefined && !isBegun) {
      throw new UsageError(`${path} ends with no event of this database, written as ${format}`);
    }
    await file.truncate(after === undefined ? 0 : from + whole);
    if (after === undefined) await file.write(head);
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
    const done = await database.withoutStatementTimeout(async (db) => {
      await migrate(db);
      const log = createEventLog(db);
      if (out === undefined) {
        if (wanted.after === 0) await writeToStdout(headOf(wanted.format));
        return exportEvents(log, wanted, writeToStdout);
      }
      const { file, after = wanted.after } = await openToContinue(out, wanted.format, log);
      try {
        return await exportEvents(log, { ...wanted, after }, (rows) => file.appendFile(rows));
      } finally {
        await file.close();
      }
    });
    const { count, last } = done;
    process.stderr.write(`${String(count)} events; continue with --after ${String(last)}\n`);
  } finally {
    await database.close();
  }
});
