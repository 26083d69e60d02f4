import { h, svg } from './dom.js';
import { money } from './format.js';
/** @import { Line, Offer } from './types.d.ts' */

/** More lines than this could not be told apart. */
const MAX_LINES = 6;
const HEIGHT = 260;
const LABEL_GAP = 17;

/**
 * What an offer costs so far, after each month: interest and fees. The last value is the service's own total.
 *
 * @param {Offer} offer with its price
 * @param {number} months
 */
export function costSoFar(offer, months) {
  const { amount, rate, fees, monthly_payment: payment = 0, total_cost: total = 0 } = offer;
  const fee = (fees?.periodic ?? []).reduce((sum, each) => sum + each.amount / each.months, 0);
  let owed = amount;
  let cost = fees?.upfront ?? 0;
  const costs = [cost];
  for (let month = 1; month < months; month += 1) {
    const interest = (owed * rate) / 1200;
    owed = Math.max(0, owed + interest - (payment - fee));
    cost += interest + fee;
    costs.push(cost);
  }
  costs.push(total - amount);
  return costs;
}

/**
 * Round steps of an axis, from 0 to the maximum.
 *
 * @param {number} max
 * @param {number} steps at most
 */
function ticks(max, steps) {
  const rough = max / steps || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5].find((each) => each * power >= rough) ?? 10);
  return Array.from({ length: Math.floor(max / step + 1e-9) + 1 }, (_, i) => i * step);
}

/**
 * A line for each of the first offers: what it costs over the term.
 *
 * @param {readonly Offer[]} listed
 * @param {number} months
 */
export function plot(listed, months) {
  const currency = listed[0]?.currency;
  const offers = listed
    .filter((offer) => offer.total_cost !== undefined && offer.currency === currency)
    .slice(0, MAX_LINES);
  const figure = h('figure');
  const lines = offers.map((offer) => ({ offer, costs: costSoFar(offer, months) }));
  const box = h('div', { class: 'drawing' });
  const more = listed.length > offers.length ? `, for the first ${offers.length} offers` : '';
  const caption = `Interest and fees paid so far, over ${months} months${more}`;
  if (offers.length > 0) figure.append(h('figcaption', {}, caption), box);
  const draw = () => {
    const width = box.clientWidth;
    if (width > 0) box.replaceChildren(drawLines(lines, { width, months, currency }));
  };
  return {
    figure,
    draw,
    /** @param {string} [id] */
    highlight: (id = offers[0]?.id) => {
      for (const line of box.querySelectorAll('[data-offer]')) {
        line.classList.toggle('strong', line.getAttribute('data-offer') === id);
      }
    },
  };
}

/**
 * The name at the end of an offer's line, shortened.
 *
 * @param {Offer} offer
 */
function nameOf({ name, provider }) {
  const label = Array.from(name ?? provider);
  return label.length > 14 ? `${label.slice(0, 13).join('')}…` : label.join('');
}

/**
 * The width of the widest text of the drawing, in pixels.
 *
 * @param {string[]} texts
 */
function widest(texts) {
  const pen = new OffscreenCanvas(1, 1).getContext('2d');
  if (!pen) return 0;
  // As style.css has it.
  pen.font = '600 12px system-ui, sans-serif';
  return Math.ceil(Math.max(...texts.map((text) => pen.measureText(text).width)));
}

/**
 * @param {Line[]} lines
 * @param {{ width: number, months: number, currency: string | undefined }} options
 */
function drawLines(lines, { width, months, currency }) {
  const totals = lines.map(
    ({ offer, costs }) => `${offer.provider} ${money(costs[months] ?? 0, currency)}`,
  );
  const max = Math.max(...lines.flatMap(({ costs }) => costs), 0.01);
  const axis = ticks(max, 4).map((cost) => ({ cost, label: cost.toLocaleString() }));
  const left = 8 + widest(axis.map(({ label }) => label));
  const right = 8 + widest(lines.map(({ offer }) => nameOf(offer)));
  const [top, bottom] = [10, 28];
  const x = (/** @type {number} */ month) => left + (month / months) * (width - left - right);
  const y = (/** @type {number} */ cost) =>
    HEIGHT - bottom - (cost / max) * (HEIGHT - top - bottom);
  const drawing = svg('svg', {
    viewBox: `0 0 ${width} ${HEIGHT}`,
    width,
    height: HEIGHT,
    role: 'img',
    'aria-label': `Interest and fees after ${months} months: ${totals.join(', ')}`,
  });
  for (const { cost, label } of axis) {
    drawing.append(
      svg('line', { x1: left, x2: width - right, y1: y(cost), y2: y(cost) }),
      svg('text', { x: left - 8, y: y(cost) + 4, 'text-anchor': 'end' }, label),
    );
  }
  const steps = Math.min(6, (width - left - right) / 40);
  const everyMonths = [1, 3, 6, 12, 24, 60, 120].find((each) => months / each <= steps) ?? 120;
  for (let month = 0; month <= months; month += everyMonths) {
    const label = month === 0 ? 'start' : String(month);
    drawing.append(svg('text', { x: x(month), y: HEIGHT - 8, 'text-anchor': 'middle' }, label));
  }
  // Each label is at the end of its line, or below the label above it, but not below the axis.
  const ends = lines
    .map((line, i) => ({ ...line, i, at: y(line.costs[months] ?? 0) }))
    .sort((a, b) => a.at - b.at);
  let free = 0;
  for (const end of ends) {
    end.at = Math.max(end.at, free);
    free = end.at + LABEL_GAP;
  }
  free = HEIGHT - bottom;
  for (const end of ends.toReversed()) {
    end.at = Math.min(end.at, free);
    free = end.at - LABEL_GAP;
  }
  for (const { offer, costs, i, at } of ends) {
    const path = costs.map((cost, month) => `${x(month).toFixed(1)} ${y(cost).toFixed(1)}`);
    drawing.append(
      svg(
        'g',
        { 'data-offer': offer.id, class: i === 0 && 'strong' },
        svg('path', { d: `M${path.join('L')}` }),
        svg('text', { x: width - right + 8, y: at + 4 }, nameOf(offer)),
        svg('title', {}, totals[i]),
      ),
    );
  }
  return drawing;
}
