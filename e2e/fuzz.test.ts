/**
 * Long, because the generators are only used here. Requests generated from the OpenAPI documents of both services:
 * valid, nearly valid and absurd.
 */
import { Agent, request } from 'node:http';
import { until } from '@loan-buddy/kit/testing';
import fc, { type Arbitrary } from 'fast-check';
import { inParallel, report } from './support/client';
import type { Document, Operation, Schema } from './support/openapi';
import { newStorage } from './support/postgres';
import { startService, type ServiceProcess } from './support/service-process';
import { secretBetweenServices, useTokens } from './support/tokens';

const REQUESTS = 20_000;
const WIDTH = 20;
/** Upper limit of the memory that a request may leak, on average. */
const LEAK_BYTES = 2000;
/** Part of every secret in a request. */
const SECRET = 's3cr3t';

interface FuzzRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** Generates valid values. URLs point to this machine only. */
function validValues(schema: Schema, document: Document): Arbitrary<unknown> {
  const { $ref, anyOf, oneOf } = schema;
  if ($ref !== undefined) {
    return validValues(document.components.schemas[$ref.split('/').at(-1)!]!, document);
  }
  const either = anyOf ?? oneOf;
  if (either) return fc.oneof(...either.map((each) => validValues(each, document)));
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const types = [schema.type ?? 'null'].flat();
  const made = fc.oneof(...types.map((type) => ofType(type, schema, document)));
  if (schema.example === undefined) return made;
  return fc.oneof({ weight: 3, arbitrary: fc.constant(schema.example) }, made);
}

function ofType(type: string, schema: Schema, document: Document): Arbitrary<unknown> {
  const { minimum = schema.exclusiveMinimum ?? -1e9, maximum = 1e9 } = schema;
  switch (type) {
    case 'string':
      return ofFormat(schema);
    case 'integer':
      return fc.integer({ min: Math.ceil(minimum), max: Math.floor(maximum) });
    case 'number':
      return fc.double({ min: minimum, max: maximum, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(validValues(schema.items ?? { type: 'null' }, document), { maxLength: 4 });
    case 'object':
      return ofProperties(schema, document);
    default:
      return fc.constant(null);
  }
}

function ofFormat({ format, minLength = 0, maxLength = 40 }: Schema): Arbitrary<string> {
  if (format === 'email') return fc.constant(`${SECRET}@example.invalid`);
  if (format === 'uri') return fc.webPath().map((path) => `http://127.0.0.1:1${path}`);
  return fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 200) });
}

function ofProperties(schema: Schema, document: Document): Arbitrary<object> {
  const { properties = {}, required = [] } = schema;
  const entries = Object.entries(properties).map(([name, each]) => {
    const value =
      name === 'secret'
        ? fc.constant(`whsec_${SECRET}${'x'.repeat(42)}`)
        : validValues(each, document);
    return [name, required.includes(name) ? value : fc.option(value, { nil: undefined })] as const;
  });
  return fc.record(Object.fromEntries(entries));
}

/** Generates the same values with a fault, or something else entirely. */
function nearlyValid(value: Arbitrary<unknown>): Arbitrary<unknown> {
  const anything = fc.jsonValue({ maxDepth: 3 });
  const mutated = fc
    .tuple(value, fc.nat(), fc.oneof(anything, fc.string()), fc.constantFrom('set', 'drop', 'add'))
    .map(([whole, place, other, how]) => {
      if (typeof whole !== 'object' || whole === null) return other;
      const names = Object.keys(whole);
      if (how === 'add' || names.length === 0) return { ...whole, ['__proto__ x']: other };
      const name = names[place % names.length]!;
      return { ...whole, [name]: how === 'drop' ? undefined : other };
    });
  return fc.oneof({ weight: 5, arbitrary: value }, { weight: 4, arbitrary: mutated }, anything);
}

const deep = '['.repeat(50_000) + ']'.repeat(50_000);

const printable = fc.stringMatching(/^[\x20-\x7e]{0,60}$/);
const absurdPath = fc
  .array(fc.oneof(fc.webPath(), fc.string().map(encodeURIComponent), fc.constant('/../%00/%zz')))
  .map((parts) => `/${parts.join('')}`.replace(/[^\x21-\x7e]/g, ''));

function headersOf(token: string, operation: Operation | undefined): Arbitrary<object> {
  const declared = (operation?.parameters ?? []).filter((each) => each.in === 'header');
  const values: Partial<Record<string, string[]>> = {
    Prefer: ['respond-async', 'wait=1', 'respond-async, wait=1', 'wait=x'],
    'Idempotency-Key': ['k1', '"k2"', '', 'x'.repeat(300)],
    'Last-Event-ID': ['1', '-1', '9'.repeat(30)],
  };
  const own = declared.map(({ name }) => [
    name,
    fc.option(fc.oneof(fc.constantFrom(...(values[name] ?? ['*'])), printable), {
      nil: undefined,
      freq: 2,
    }),
  ]);
  const garbled = fc.constantFrom(
    ...[`Bearer ${SECRET}`, `Basic ${SECRET}`, `Bearer ${token}x`, '', 'Bearer'],
  );
  const optional = (value: Arbitrary<string>) => fc.option(value, { nil: undefined, freq: 1 });
  return fc.record({
    ...(Object.fromEntries(own) as Record<string, Arbitrary<string | undefined>>),
    Authorization: fc.oneof({ weight: 9, arbitrary: fc.constant(`Bearer ${token}`) }, garbled),
    Cookie: fc.constant(`session=${SECRET}`),
    Accept: optional(printable),
    'X-Request-Id': optional(printable),
    'If-None-Match': optional(printable),
    'X-Forwarded-For': optional(printable),
    Connection: optional(fc.constantFrom('close', 'keep-alive', 'x')),
    Expect: fc.option(fc.constant('x'), { nil: undefined, freq: 30 }),
  });
}

const types = ['application/json', 'application/json; charset=utf-16', 'text/plain', ''];

/** Generates requests to an operation of a document, or to a path that is not in it. */
function requestsTo(document: Document, token: string): Arbitrary<FuzzRequest> {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const { parameters = [], requestBody } = operation;
      const query = parameters.filter((each) => each.in === 'query');
      const pathOf = fc
        .tuple(
          fc.oneof(
            { weight: 9, arbitrary: fc.string({ maxLength: 140 }) },
            fc.constantFrom('offer1', 'offer2', "'; drop table orders; --"),
          ),
          fc.array(
            fc.tuple(
              // An unknown parameter is always refused.
              fc.oneof(
                ...query.map(({ name }) => ({ weight: 9, arbitrary: fc.constant(name) })),
                fc.constant('x'),
              ),
              fc.oneof(...query.map((each) => validValues(each.schema, document)), fc.string()),
            ),
            { maxLength: query.length === 0 ? 1 : 4 },
          ),
        )
        .map(([id, pairs]) => {
          const search = pairs.map((pair) => pair.map((part) => encode(String(part))).join('='));
          const target = path.replace(/\{\w+\}/g, () => encode(id) || 'x');
          return search.length === 0 ? target : `${target}?${search.join('&')}`;
        });
      const schema = requestBody?.content['application/json']?.schema;
      const body = schema
        ? fc.oneof(
            {
              weight: 12,
              arbitrary: nearlyValid(validValues(schema, document)).map((v) => JSON.stringify(v)),
            },
            fc.string(),
            fc.constantFrom(
              '[',
              '{"a":',
              '\ufeff{}',
              '{"user_id":1e999}',
              'x'.repeat(150_000),
              deep,
            ),
          )
        : fc.option(fc.string(), { nil: undefined, freq: 9 });
      return fc.record({
        method: fc.oneof(
          { weight: 15, arbitrary: fc.constant(method.toUpperCase()) },
          fc.constantFrom('GET', 'HEAD', 'PUT', 'OPTIONS', 'TRACE', 'PROPFIND', 'DELETE'),
        ),
        path: fc.oneof({ weight: 15, arbitrary: pathOf }, absurdPath),
        headers: fc
          .tuple(
            headersOf(token, operation),
            fc.oneof(
              { weight: 12, arbitrary: fc.constant('application/json') },
              fc.constantFrom(...types),
            ),
          )
          .map(([headers, type]) => ({ ...withoutGaps(headers), 'Content-Type': type })),
        body,
      });
    }),
  );
  return fc.oneof(...operations);
}

/** Removes lone surrogates, which a URL cannot contain. */
function encode(text: string): string {
  return encodeURIComponent(text.replace(/\p{Cs}/gu, ''));
}

function withoutGaps(headers: object): object {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
}

interface FuzzResponse {
  status: number;
  type: string;
  body: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: WIDTH });
afterAll(() => {
  agent.destroy();
});

function send(port: number, { method, path, headers, body }: FuzzRequest): Promise<FuzzResponse> {
  return new Promise((resolve, reject) => {
    const given = Object.entries(headers);
    // Without this, Node.js sends the head of a request with Expect first, and then the body as garbage behind it.
    if (body !== undefined) given.push(['Content-Length', String(Buffer.byteLength(body))]);
    const outgoing = request(
      { host: '127.0.0.1', port, agent, method, path, headers: Object.fromEntries(given) },
      (incoming) => {
        let text = '';
        incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
        incoming.on('end', () => {
          const type = incoming.headers['content-type'] ?? '';
          resolve({ status: incoming.statusCode!, type, body: text });
        });
        incoming.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.setTimeout(300_000, () => outgoing.destroy(new Error('no response in 5 minutes')));
    outgoing.end(body);
  });
}

/** Returns the secrets of a request, with their place. */
function secretsOf({ headers, body = '' }: FuzzRequest): [place: string, secret: string][] {
  const { Authorization = '', Cookie = '' } = headers;
  const fields = [...body.matchAll(/"(email|secret)":"([^"]+)"/g)];
  const all = [
    ['authorization', Authorization.split(' ')[1] ?? ''],
    ['cookie', Cookie],
    ...fields.map(([, name, value]) => [name!, value!]),
  ] as [string, string][];
  // A mutated secret may be as short as one letter, which every log contains.
  return all.filter(([, secret]) => secret.includes(SECRET) || secret.length > 100);
}

/** Makes a process log its heap size after a garbage collection, on SIGUSR2. */
const heapReporter = `--import=data:text/javascript,${encodeURIComponent(`
  import { setFlagsFromString } from 'node:v8';
  import { runInNewContext } from 'node:vm';
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  process.on('SIGUSR2', () => {
    collect();
    const { heapUsed } = process.memoryUsage();
    process.stdout.write(JSON.stringify({ msg: 'heap', heapUsed }) + '\\n');
  });
`)}`;

async function heapOf({ log, kill }: ServiceProcess): Promise<number> {
  const heapLines = () => log.filter(({ msg }) => msg === 'heap');
  const before = heapLines().length;
  kill('SIGUSR2');
  await until(() => heapLines().length > before);
  return heapLines().at(-1)!['heapUsed'] as number;
}

async function documentOf({ url }: ServiceProcess) {
  return (await (await fetch(`${url}/openapi.json`)).json()) as Document;
}

it('responds to any request, never fails, and reveals no secret', async () => {
  const tokens = await useTokens();
  const confirmPayment = await startService('confirm-payment', {
    ...tokens.confirmPaymentEnv,
    NODE_OPTIONS: heapReporter,
  });
  const offers = await startService('offers', {
    NODE_OPTIONS: heapReporter,
    ...(await newStorage()),
    ...tokens.offersEnv,
    CONFIRM_PAYMENT_URL: confirmPayment.url,
    RATE_LIMIT: 'off',
    ALLOW_PRIVATE_WEBHOOKS: 'true',
  });
  const scope = 'offers:read orders:read orders:write orders:admin webhooks:manage';
  const token = await tokens.sign({ scope, expiresIn: 3600 });
  const statuses = new Map<number, number>();
  const wrong: unknown[] = [];
  const secrets = new Map<string, Set<string>>();
  const keep = (place: string, secret: string) => {
    secrets.set(place, (secrets.get(place) ?? new Set()).add(secret));
  };
  const seed = Date.now();

  for (const [service, share] of [
    [offers, 0.9],
    [confirmPayment, 0.1],
  ] as const) {
    const requests = requestsTo(await documentOf(service), token);
    const memory: number[] = [];
    const rounds = 10;
    const each = Math.ceil((REQUESTS * share) / rounds);
    for (let round = 0; round < rounds; round++) {
      const all = fc.sample(requests, { numRuns: each, seed: seed + round });
      await inParallel(each, WIDTH, async (i) => {
        const response = await send(service.port, all[i]!).catch((error: unknown) => ({
          status: 0,
          type: '',
          body: String(error),
        }));
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
        const { status, type, body } = response;
        // A request that is refused before it is parsed is in no log anyway.
        if (status < 400) for (const [place, secret] of secretsOf(all[i]!)) keep(place, secret);
        for (const [, secret] of body.matchAll(/"secret":"([^"]+)"/g)) keep('response', secret!);
        const isProblem = type === 'application/problem+json' || all[i]!.method === 'HEAD';
        if (status === 0 || (status >= 500 && status !== 503) || (status >= 400 && !isProblem)) {
          wrong.push({ ...all[i], status, type, body });
        }
      });
      memory.push(await heapOf(service));
    }
    // The first rounds fill caches and make V8 compile.
    const grown = memory[rounds - 1]! - memory[3]!;
    report(
      `${service.log[0]!['service'] as string}: ${String(each * rounds)} requests, ` +
        `heap of ${memory.map((bytes) => (bytes / 1e6).toFixed(1)).join(', ')} MB`,
    );
    expect(grown / (each * (rounds - 4))).toBeLessThan(LEAK_BYTES);
  }

  expect({ seed, wrong: wrong.slice(0, 5) }).toEqual({ seed, wrong: [] });
  report(
    `seed ${String(seed)}: ${[...statuses]
      .sort()
      .map(([status, count]) => `${String(status)} × ${String(count)}`)
      .join(', ')}`,
  );
  // The requests reached the code under test.
  for (const status of [200, 201, 400, 401, 404, 405, 413, 415, 422]) {
    expect([status, statuses.get(status) ?? 0]).not.toEqual([status, 0]);
  }
  expect([...secrets.keys()].sort()).toEqual([
    ...['authorization', 'cookie', 'email', 'response', 'secret'],
  ]);
  const all = [
    SECRET,
    secretBetweenServices,
    ...[...secrets.values()].flatMap((each) => [...each]),
  ];
  for (const { log } of [offers, confirmPayment]) {
    const text = log.map((line) => JSON.stringify(line)).join('\n');
    expect(text).toContain('"msg":"audit"');
    expect(all.filter((secret) => text.includes(secret))).toEqual([]);
    expect(log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  }
});
