/** `npm run events` exports order events for analysis. */
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { runCommand, StartError, UsageError } from '@loan-buddy/kit/process';
import { z } from 'zod';
import { createEventLog, type EventLog } from '../events/event-log';
import {
  eventFormats,
  headOf,
  isBeginning,
  lastEventIn,
  type EventFormat,
} from '../events/event-row';
import { exportEvents, sinceSchema } from '../events/export-events';
import { withDatabase } from './with-database';

const usage = `usage: npm run -s events -- export [--since TIME] [--after POSITION] [--format ndjson|csv] [--limit N] [--out FILE]
Writes the events of the orders to stdout, in order. Uses DATABASE_URL, else the embedded database in DATA_DIR.
  --since TIME      leaves out earlier events, e.g. 2026-11-01 or 2026-11-01T12:00:00Z
  --after POSITION  continues after an earlier export, which prints its last position on stderr
  --format          ndjson (the default) or csv
  --limit N         writes at most N events
  --out FILE        writes to a file; continues one that has events after its last whole row, and removes the rest of
                    a row that was cut off`;

class ExportFileError extends StartError {
  readonly code = 'export-file';
}

const requests = [
  'curl "http://localhost:8080/events?format=ndjson" >events.ndjson',
  'curl "http://localhost:8080/events?after=ID_OF_THE_LAST_EVENT" >>events.ndjson',
];

/** No coercion: it reads an empty text as 0, and 0x10 as 16. */
const wholeNumber = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a whole number')
  .transform(Number);

const argumentsSchema = z.strictObject({
  since: sinceSchema.optional(),
  after: wholeNumber.default(0),
  format: z.enum(eventFormats).default('ndjson'),
  limit: wholeNumber.refine((limit) => limit > 0, 'must be at least 1').default(Infinity),
  out: z.string().min(1).optional(),
});

const text = { type: 'string' } as const;

/** Writes to stdout, waiting if its reader is slower than the database. */
async function writeToStdout(rows: string): Promise<void> {
  if (!process.stdout.write(rows)) await once(process.stdout, 'drain');
}

/** How far back to look for a file's last complete row: a row has some 700 bytes. */
const TAIL_BYTES = 65_536;

/**
 * Opens a file to append complete rows; returns the position to continue after.
 *
 * @throws {ExportFileError} if it cannot be opened, or is not an export of this database in this format: it stays
 * unchanged.
 */
async function openToContinue(path: string, format: EventFormat, log: Pick<EventLog, 'findSeq'>) {
  const file = await open(path, 'a+').catch((error: unknown) => {
    throw new ExportFileError(`${path} cannot be written: ${(error as Error).message}`);
  });
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    const tail = buffer.subarray(0, bytesRead);
    const whole = tail.lastIndexOf('\n') + 1;
    const last = lastEventIn(tail.toString(), format);
    const after = last && (await log.findSeq(last));
    // Empty, or an export that was interrupted in its first row.
    const isBegun = from === 0 && isBeginning(tail.toString(), format);
    if (after === undefined && !isBegun) {
      throw new ExportFileError(
        `${path} is not an export of this database in the format ${format}, or its last event was deleted (EVENT_RETENTION_DAYS): begin a new file, with --after`,
      );
    }
    await file.truncate(after === undefined ? 0 : from + whole);
    if (after === undefined) await file.write(headOf(format));
    return { file, after };
  } catch (error) {
    await file.close();
    throw error;
  }
}

void runCommand({
  name: 'events',
  usage,
  readsEnv: true,
  options: { since: text, after: text, format: text, limit: text, out: text },
  run: async ({ positionals, values }) => {
    if (positionals.join(' ') !== 'export') throw new UsageError('expected export');
    const { data, error } = argumentsSchema.safeParse({ ...values });
    if (error) throw new UsageError(z.prettifyError(error), { cause: error });
    const { out, ...exportOptions } = data;
    const { format } = exportOptions;
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      process.exit(error.code === 'EPIPE' ? 0 : 1);
    });
    const { count, last } = await withDatabase('events', requests, ({ database }) =>
      database.withoutStatementTimeout(async (db) => {
        const log = createEventLog(db);
        if (out === undefined) {
          if (exportOptions.after === 0) await writeToStdout(headOf(format));
          return exportEvents(log, exportOptions, writeToStdout);
        }
        const { file, after = exportOptions.after } = await openToContinue(out, format, log);
        const append = (rows: string) => file.appendFile(rows);
        return exportEvents(log, { ...exportOptions, after }, append).finally(() => file.close());
      }),
    );
    process.stderr.write(`${String(count)} events; continue with --after ${String(last)}\n`);
  },
});
