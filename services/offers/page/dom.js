/** @import { Attributes, Child, CreateHtml, CreateSvg, FieldOptions } from './types.d.ts' */

/** @type {CreateHtml} Text from a provider or a user never becomes markup. */
export const h = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);

/** @type {CreateSvg} */
export const svg = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

/**
 * @template {Element} Created
 * @param {Created} element
 * @param {Attributes} attributes
 * @param {Child[]} children
 */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

/** @param {string} text from outside: its direction marks change nothing around it */
export const foreign = (text) => h('bdi', {}, text);

/** @param {...Child} children for screen readers only */
export const unseen = (...children) => h('span', { class: 'unseen' }, ...children);

/** @param {string} text of the heading that takes the focus when its view is shown */
export const heading = (text) => h('h1', { tabindex: -1 }, text);

/**
 * Sets the text of a live region only if it changes: screen readers would repeat it.
 *
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Keeps the first items of a live list if they are equal: screen readers would repeat them.
 *
 * @param {Element} list
 * @param {Element[]} items
 */
export function sayItems(list, items) {
  const old = [...list.children];
  let same = 0;
  while (items[same]?.isEqualNode(old[same] ?? null)) same += 1;
  for (const item of old.slice(same)) item.remove();
  list.append(...items.slice(same));
}

/** @param {FieldOptions} options */
export function field({ name, label, hint, ...attributes }) {
  const notes = `${hint ? `${name}-hint ` : ''}${name}-fault`;
  return h(
    'div',
    { class: 'field' },
    h('label', { for: name }, label),
    h('input', { id: name, name, 'aria-describedby': notes, ...attributes }),
    hint && h('p', { id: `${name}-hint`, class: 'hint' }, hint),
    h('p', { id: `${name}-fault`, class: 'fault' }),
  );
}

/**
 * Shows names with their values, if there is one.
 *
 * @param {HTMLDListElement} list
 * @param {Record<string, string | 0 | undefined>} values
 */
export function showFacts(list, values) {
  const given = Object.entries(values).filter(([, value]) => value);
  list.replaceChildren(
    ...given.map(([name, value]) =>
      h('div', {}, h('dt', {}, name), h('dd', {}, foreign(String(value)))),
    ),
  );
}
