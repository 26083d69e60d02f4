import { foreign, h } from './dom.js';
import { count } from './format.js';

/** Younger offers are not worth a note: the service refreshes them behind the scenes. */
const MIN_STALE_S = 10;

/** @type {Record<string, string>} */
const reasons = {
  timeout: 'it did not respond in time',
  error: 'it failed',
  invalid: 'its response was not usable',
  'too-large': 'its response was too large',
  'forbidden-address': 'its address is not allowed',
  'rate-limited': 'it gets too many requests',
  'circuit-open': 'it kept failing, so it is not asked for a moment',
};

/**
 * Reads a header that lists providers with one parameter each, such as `"ProviderC";reason=timeout` (RFC 9651).
 *
 * @param {string | null | undefined} header
 * @returns {{ name: string, value: string }[]}
 */
export function providersIn(header) {
  const items = (header ?? '').matchAll(/"((?:[^"\\]|\\.)*)";\w+=([\w-]+)/g);
  return [...items].map(([, name = '', value = '']) => ({
    name: name.replace(/\\(.)/g, '$1'),
    value,
  }));
}

/**
 * Describes the providers whose offers are not all there: in short, and with a note for each.
 *
 * @param {Headers} [headers]
 */
export function describeProviders(headers) {
  const [missing, partial, stale] = ['Missing', 'Partial', 'Stale'].map((state) =>
    providersIn(headers?.get(`${state}-Providers`)),
  );
  /** @type {string[]} */
  const short = [];
  /** @type {HTMLLIElement[]} */
  const notes = [];
  for (const { name, value } of missing ?? []) {
    short.push(`${name} missing`);
    const why = reasons[value] ?? value;
    notes.push(h('li', {}, foreign(name), ` is missing: ${why}. The page keeps asking.`));
  }
  for (const { name, value } of partial ?? []) {
    short.push(`${name} incomplete`);
    const what = count(Number(value), 'product');
    notes.push(h('li', {}, foreign(name), ` is incomplete: ${what} could not be read.`));
  }
  const old = (stale ?? []).filter(({ value }) => Number(value) >= MIN_STALE_S);
  if (old.length > 0) {
    const ages = old.flatMap(({ name, value }, i) => [
      i > 0 ? ', ' : ' ',
      foreign(name),
      ` (${count(Number(value), 'second')} old)`,
    ]);
    notes.push(h('li', {}, 'Not up to date:', ...ages, '. New offers are on their way.'));
  }
  const isMissing = missing !== undefined && missing.length > 0;
  return { short: short.join(', ') || 'all providers responded', notes, isMissing };
}

/**
 * How long all offers stay fresh.
 *
 * @param {Headers} headers
 */
export function freshMs(headers) {
  const maxAge = Number(/max-age=(\d+)/.exec(headers.get('Cache-Control') ?? '')?.[1] ?? 0);
  return 1000 * (maxAge - ageS(headers));
}

/** @param {Headers} headers */
export const ageS = (headers) => Number(headers.get('Age') ?? 0);
