/**
 * Creates an element. Strings become text nodes, so text from a provider or a user never becomes markup.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes] without those that are false or undefined
 * @param {...Children[number]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * As {@link h}, for SVG.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Children[number]} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

/**
 * @template {Element} Created
 * @param {Created} element
 * @param {Attributes} attributes
 * @param {Children} children
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

/**
 * Text from outside, isolated: its direction marks change nothing around it.
 *
 * @param {string} text
 */
export const foreign = (text) => h('bdi', {}, text);

/**
 * A heading that takes the focus when the view is shown.
 *
 * @param {string} text
 */
export const heading = (text) => h('h1', { tabindex: -1 }, text);

/**
 * Sets the text of a live region only if it changes: screen readers repeat it otherwise.
 *
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * A field with its label, its hint and the place of its fault.
 *
 * @param {{ name: string, label: string, value?: string, hint?: string } & Record<string, string | boolean | undefined>} options
 *   the rest are attributes of the input
 */
export function field({ name, label, value, hint, ...attributes }) {
  const notes = `${hint ? `${name}-hint ` : ''}${name}-fault`;
  const input = h('input', { id: name, name, value, 'aria-describedby': notes, ...attributes });
  return h(
    'div',
    { class: 'field' },
    h('label', { for: name }, label),
    input,
    hint !== undefined && h('p', { id: `${name}-hint`, class: 'hint' }, hint),
    h('p', { id: `${name}-fault`, class: 'fault' }),
  );
}

/**
 * Shows a problem in an alert: its faults beside the fields that they are about, the rest as sentences.
 *
 * @param {HTMLElement} alert
 * @param {import('./api.js').Problem | undefined} problem undefined: removes what was shown
 * @param {HTMLFormElement} [form]
 */
export function showProblem(alert, problem, form) {
  for (const input of form?.elements ?? []) {
    input.removeAttribute('aria-invalid');
    const note = document.getElementById(`${input.id}-fault`);
    if (note) note.textContent = '';
  }
  alert.replaceChildren();
  if (!problem) return;
  /** @type {string[]} */
  const sentences = [problem.message];
  for (const {
    detail,
    pointer = '',
    parameter = pointer.replace('#/', ''),
    header,
  } of problem.faults) {
    const input = form?.elements.namedItem(parameter);
    const note = input instanceof HTMLElement && document.getElementById(`${input.id}-fault`);
    if (note) {
      note.textContent = sentence(detail);
      input.setAttribute('aria-invalid', 'true');
    } else sentences.push(sentence(`${header ?? parameter} ${detail}`));
  }
  alert.append(...sentences.map((text) => h('p', {}, foreign(text))));
  const first = form?.querySelector('[aria-invalid]');
  if (first instanceof HTMLElement) first.focus();
}

/** @param {string} text */
const sentence = (text) => {
  const trimmed = text.trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (trimmed.endsWith('.') ? '' : '.');
};
