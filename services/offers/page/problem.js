import { Problem } from './api.js';
import { foreign, h } from './dom.js';
import { tokenForm } from './token.js';

/**
 * Shows what went wrong: faults beside the fields that they are about, the rest as sentences. Asks for a token if one
 * would help.
 *
 * @param {HTMLElement} alert
 * @param {unknown} [error] none: removes what was shown
 * @param {HTMLFormElement} [form]
 */
export function showProblem(alert, error, form) {
  for (const input of form?.elements ?? []) {
    input.removeAttribute('aria-invalid');
    document.getElementById(`${input.id}-fault`)?.replaceChildren();
  }
  alert.replaceChildren();
  if (error === undefined) return;
  const problem = toProblem(error);
  const sentences = [problem.message];
  for (const { detail, pointer = '', parameter = pointer.slice(2), header } of problem.faults) {
    const input = form?.elements.namedItem(parameter);
    const note = input instanceof Element && document.getElementById(`${input.id}-fault`);
    if (note) {
      note.textContent = sentence(detail);
      input.setAttribute('aria-invalid', 'true');
    } else sentences.push(sentence(`${header ?? parameter} ${detail}`));
  }
  alert.append(...sentences.map((text) => h('p', {}, foreign(text))));
  if (problem.status === 401 || problem.code === 'insufficient-scope') alert.append(tokenForm());
  const first = form?.querySelector('[aria-invalid]');
  if (first instanceof HTMLElement) first.focus();
}

/** @param {unknown} error */
export const toProblem = (error) =>
  error instanceof Problem ? error : new Problem({ title: 'The connection broke' });

/** @param {string} text */
function sentence(text) {
  const capital = text.trim().replace(/^./u, (first) => first.toUpperCase());
  return capital.replace(/\.?$/, '.');
}
