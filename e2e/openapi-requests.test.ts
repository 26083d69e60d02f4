/**
 * Long, because the generators are only used here. Whatever the OpenAPI documents allow is accepted, or refused for a
 * reason that a schema cannot state.
 */
import { createApp } from '../services/confirm-payment/src/app';
import { readConfig } from '../services/confirm-payment/src/config';
import { createContext } from '../services/confirm-payment/src/context';
import { useService } from '../services/offers/test/service';
import { recordingLogger, startApp } from '@loan-buddy/kit/testing';
import addFormats from 'ajv-formats';
import Ajv from 'ajv/dist/2020';
import fc, { type Arbitrary } from 'fast-check';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { describeOnce } from './support/postgres';
import type { Document, Operation, Parameter, Schema } from './support/openapi';

const RUNS = 150;

/** Reasons for a 400 that a schema cannot state; the document describes each in words. */
const UNSTATABLE = [
  // Depends on another parameter.
  /^is required to sort by /,
  // Depend on WHATWG's rules for URLs, and on which addresses are public.
  /^must be an https:\/\/ URL$/,
  /^must be https, and a public address$/,
  // Depends on what is stored.
  /^is not the id of an event, or the event was deleted$/,
];

/** Generates values that a schema allows, often at its limits. */
function createGenerator(document: Document) {
  const { components } = document;
  const ajv = new Ajv({ strict: false });
  addFormats(ajv);

  const allowed = (schema: Schema): Arbitrary<unknown> => {
    const isAllowed = ajv.compile({ ...schema, components });
    return valuesOf(schema).filter((value) => isAllowed(value));
  };
  return allowed;

  function valuesOf(schema: Schema): Arbitrary<unknown> {
    if (schema.$ref !== undefined) {
      return valuesOf(components.schemas[schema.$ref.split('/').at(-1)!]!);
    }
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.enum) return fc.constantFrom(...schema.enum);
    if (schema.anyOf) return fc.oneof(...schema.anyOf.map(valuesOf));
    const types = [schema.type ?? 'null'].flat();
    return fc.oneof(...types.map((type) => valuesOfType(type, schema)));
  }

  function valuesOfType(type: string, schema: Schema): Arbitrary<unknown> {
    const { minimum: min = -1e9, maximum: max = 1e9, minItems: minLength = 0, items = {} } = schema;
    switch (type) {
      case 'string':
        return strings(schema);
      case 'integer':
        return fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max));
      case 'number':
        return fc.oneof(
          fc.double({ min, max, noNaN: true }),
          ...[1, 100, 1000].map((parts) =>
            fc.integer({ min: min * parts, max: max * parts }).map((n) => n / parts),
          ),
          fc.constantFrom(min, max),
        );
      case 'boolean':
        return fc.boolean();
      case 'array':
        return fc.array(valuesOf(items), { minLength, maxLength: minLength + 4 });
      case 'object':
        return objects(schema);
      default:
        return fc.constant(null);
    }
  }

  function objects({ properties = {}, required = [], additionalProperties = true }: Schema) {
    const fields = Object.entries(properties).map(([name, each]) => [name, allowed(each)] as const);
    const known = fc.record(Object.fromEntries(fields), { requiredKeys: required });
    if (!additionalProperties) return known;
    const others = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { maxKeys: 2 });
    return fc.tuple(others, known).map(([other, own]) => ({ ...other, ...own }));
  }
}

/** Characters that are easy to get wrong. */
const oddCharacters = fc.constantFrom(
  ...[
    '\u0000',
    '\n',
    '\u001f',
    '\u007f',
    '\u0085',
    '\u009f',
    '\u00a0',
    '\u2028',
    '\ufeff',
    '\ufffd',
  ],
  ...[
    ' ',
    '"',
    '\\',
    '/',
    '.',
    '%',
    '+',
    '&',
    '=',
    '#',
    '?',
    '@',
    ':',
    '[',
    'e',
    'é',
    'e\u0301',
    '😀',
  ],
);

const times = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((time) => time.toISOString());

function strings({ format, pattern, example, minLength = 0, maxLength = 60 }: Schema) {
  const ofLength = (least: number) =>
    ['binary' as const, 'grapheme' as const, oddCharacters].map((unit) =>
      fc.string({ unit, minLength: least, maxLength, size: 'max' }),
    );
  const isMatched = pattern !== undefined && format === undefined;
  const matching = isMatched ? [fc.stringMatching(new RegExp(pattern, 'u'))] : [];
  const formatted: Record<string, Arbitrary<string>[]> = {
    uri: [
      fc.webUrl({
        withQueryParameters: true,
        withFragments: true,
        validSchemes: ['https', 'http'],
      }),
      fc.string({ unit: 'grapheme-ascii' }).map((end) => `https://example.com/${end}`),
      fc.string({ unit: 'grapheme-ascii' }).map((host) => `https://${host}/`),
    ],
    // Unless a pattern says which addresses are accepted, the format alone allows more.
    email: pattern === undefined ? [] : [fc.emailAddress()],
    uuid: [fc.uuid()],
    date: [times.map((time) => time.slice(0, 10))],
    'date-time': [times],
  };
  // Random text would never have the format.
  if (format !== undefined && !formatted[format]) throw new Error(`no generator for ${format}`);
  return fc.oneof(
    ...(formatted[format ?? ''] ?? [...ofLength(minLength), ...ofLength(maxLength), ...matching]),
    ...(example === undefined ? [] : [fc.constant(example)]),
  );
}

/** Of all texts, HTTP can carry these in a header. */
function headerValues({ pattern = '^[ -~]*$' }: Schema) {
  return fc.stringMatching(new RegExp(pattern)).map((text) => text.trim());
}

interface Sent {
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** Generates the requests that the document allows for an operation. */
function requestsTo(document: Document, path: string, operation: Operation): Arbitrary<Sent> {
  const allowed = createGenerator(document);
  const { parameters = [], requestBody } = operation;
  const valuesIn = (place: Parameter['in']) =>
    fc.record(
      Object.fromEntries(
        parameters
          .filter((each) => each.in === place)
          .map(({ name, required = false, schema }) => {
            const values = place === 'header' ? headerValues(schema) : allowed(schema);
            return [name, required ? values : fc.option(values, { nil: undefined })];
          }),
      ),
    );
  const schema = requestBody?.content['application/json']?.schema;
  return fc.record({
    path: fc.tuple(valuesIn('path'), valuesIn('query')).map(([ids, query]) => {
      const target = path.replace(/\{(\w+)\}/g, (_, name: string) =>
        encodeURIComponent(String(ids[name])),
      );
      const search = Object.entries(query).flatMap(([name, value]) =>
        value === undefined ? [] : [`${name}=${encodeURIComponent(value as string | number)}`],
      );
      return search.length === 0 ? target : `${target}?${search.join('&')}`;
    }),
    headers: valuesIn('header').map((values) => {
      const given = Object.entries(values).filter(([, value]) => value !== undefined);
      return Object.fromEntries(given) as Record<string, string>;
    }),
    body: schema ? allowed(schema).map((value) => JSON.stringify(value)) : fc.constant(undefined),
  });
}

/** Sends a request as it is: `fetch` would change paths such as `/offers/..`. */
async function send(port: number, method: string, { path, headers, body }: Sent) {
  const response = await new Promise<{ status: number; body: Promise<string> }>((done, fail) => {
    const type = body === undefined ? {} : { 'Content-Type': 'application/json' };
    request(
      { port, method, path, host: '127.0.0.1', headers: { ...headers, ...type } },
      (incoming) => {
        done({ status: incoming.statusCode!, body: text(incoming) });
      },
    )
      .on('error', fail)
      .end(body);
  });
  return { status: response.status, body: await response.body };
}

const aService = useService();
const confirmPayment = createContext(readConfig({}), {
  logger: recordingLogger().logger,
  bus: undefined,
});

const services = [
  ['offers', () => aService().app],
  [
    'offers, with receivers at public addresses only',
    () => aService({ ALLOW_PRIVATE_WEBHOOKS: false }).app,
  ],
  ['confirm-payment', () => createApp(confirmPayment)],
] as const;

describeOnce('the OpenAPI document', () => {
  it.each(services)('of %s allows only requests that it accepts', async (_, createService) => {
    const server = await startApp(createService());
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document;
    const statuses = new Set<number>();
    const faults: string[] = [];
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const property = fc.asyncProperty(requestsTo(document, path, operation), async (sent) => {
          const { status, body } = await send(server.port, method.toUpperCase(), sent);
          statuses.add(status);
          // Depends on what exists, or on the load.
          if (status < 400 || [404, 409, 422, 503].includes(status)) return;
          const { errors = [] } = JSON.parse(body) as { errors?: { detail: string }[] };
          const stated = errors.filter(
            (each) => !UNSTATABLE.some((reason) => reason.test(each.detail)),
          );
          if (status === 400 && errors.length > 0 && stated.length === 0) return;
          throw new Error(`${String(status)} ${body}`);
        });
        const isFree = (operation.parameters?.length ?? 0) + (operation.requestBody ? 1 : 0) > 1;
        const numRuns = isFree ? RUNS : 5;
        const result = await fc.check(property, { numRuns, includeErrorInReport: true });
        if (result.failed)
          faults.push(`${method} ${path}: ${fc.defaultReportMessage(result) ?? ''}`);
      }
    }
    await server.close();
    expect(faults.join('\n')).toBe('');
    expect([...statuses]).toContain(200);
  });

  it.each(services)('of %s names every parameter that it does not refuse', async (_, create) => {
    const server = await startApp(create());
    const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document;
    const accepted: string[] = [];
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, { parameters = [], requestBody }] of Object.entries(operations)) {
        const target = path.replace(/\{(\w+)\}/g, (__, name) =>
          String(parameters.find((each) => each.name === name)?.schema.example),
        );
        const body = requestBody && '{}';
        const sent = { path: `${target}?unknown=1`, headers: {}, body };
        const response = await send(server.port, method.toUpperCase(), sent);
        if (!response.body.includes('"parameter":"unknown"')) accepted.push(`${method} ${path}`);
      }
    }
    await server.close();
    expect(accepted).toEqual([]);
  });
});
