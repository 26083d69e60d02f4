/** `npm run docs:configuration` writes the tables of docs/configuration.md from the zod schemas of all variables. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageBusVariables } from '@loan-buddy/kit/messaging';
import { runCommand, UsageError } from '@loan-buddy/kit/process';
import type { z } from 'zod';
import { variables as confirmPayment } from '../services/confirm-payment/src/config';
import { variables as launcher } from '../services/launcher/src/config';
import { variables as offers } from '../services/offers/src/config';

const usage = `usage: npm run docs:configuration [-- --check]
Writes the tables of docs/configuration.md from the schemas of the environment variables.
  --check   writes nothing, and exits 1 if the file is out of date`;

const root = join(__dirname, '..');
const file = join(root, 'docs', 'configuration.md');

type Variables = Record<string, z.ZodType>;

/** The variables in the table after each `<!-- variables: NAME -->`. Several services may have the same ones. */
const tables: Record<string, Variables[]> = {
  server: [offers.server, confirmPayment.server],
  'message-bus': [messageBusVariables],
  orders: [offers.orders],
  database: [offers.database],
  catalogue: [offers.catalogue],
  page: [offers.page],
  admission: [offers.admission],
  events: [offers.events],
  notification: [offers.notification],
  decisions: [confirmPayment.decisions],
  launcher: [launcher],
};

/** The parts of a variable's JSON schema that the table shows. */
interface Documented {
  description?: string;
  default?: string | number | boolean;
  enum?: string[];
  minimum?: number;
  maximum?: number;
}

function documented(variable: z.ZodType): Documented {
  return variable.toJSONSchema({ unrepresentable: 'any' }) as Documented;
}

/** Returns the table of variables, padded as Prettier pads it. */
function tableOf([variables, ...others]: Variables[]): string {
  const rows = Object.entries(variables!).map(([name, variable]) => {
    const { description, ...schema } = documented(variable);
    if (!description) throw new Error(`${name} has no description`);
    const all = [schema, ...others.map((other) => documented(other[name]!))];
    const defaults = new Set(
      all.map((each) => each.default).filter((value) => value !== undefined),
    );
    return [
      code(name),
      [...defaults].map((value) => code(String(value).replace(`${root}/`, ''))).join(', '),
      valuesOf(schema, /_(MS|HOURS|DAYS)$/.exec(name)?.[1]?.toLowerCase()),
      description,
    ];
  });
  const head = ['variable', 'default', 'values', 'meaning'];
  const widths = head.map((title, column) =>
    Math.max(...[title, ...rows.map((row) => row[column]!)].map(({ length }) => length)),
  );
  const line = (cells: string[], fill = ' ') =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!, fill)).join(' | ')} |\n`;
  return [head, ['', '', '', ''], ...rows].map((row, i) => line(row, i === 1 ? '-' : ' ')).join('');
}

function valuesOf(schema: Documented, unit = ''): string {
  if (schema.enum) return schema.enum.map(code).join(', ');
  if (typeof schema.default === 'boolean') return '`true`, `false`';
  if (schema.minimum === undefined) return '';
  const { minimum, maximum = Number.MAX_SAFE_INTEGER } = schema;
  const end =
    maximum === Number.MAX_SAFE_INTEGER ? 'or more' : `to ${maximum.toLocaleString('en')}`;
  return `${String(minimum)} ${end} ${unit}`.trim();
}

function code(text: string): string {
  return `\`${text}\``;
}

void runCommand({
  name: 'docs:configuration',
  usage,
  options: { check: { type: 'boolean', default: false } },
  run: async ({ positionals, values, print }) => {
    if (positionals.length > 0) throw new UsageError('it takes no arguments');
    const text = readFileSync(file, 'utf8');
    const current = text.replace(
      /(?<=^<!-- variables: ([\w-]+) -->\n\n)(\|.*\n)*/gm,
      (_, name: string) => tableOf(tables[name]!),
    );
    if (!values.check) writeFileSync(file, current);
    else if (current !== text) {
      print('docs/configuration.md is out of date: run npm run docs:configuration');
      process.exitCode = 1;
    }
    return Promise.resolve();
  },
});
