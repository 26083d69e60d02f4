import { field, h, heading, say, showProblem } from './dom.js';
import { claims, forgetToken, Problem, saveToken } from './api.js';
import { dateAndTime } from './format.js';

/** What a scope allows, in the words of the page. */
const allowed = {
  'offers:read': 'compare offers',
  'orders:write': 'check out an offer',
  'orders:read': 'see orders',
  'orders:admin': 'act for every user',
};

/**
 * Asks for a token.
 *
 * @param {() => void} onSaved
 */
export function tokenForm(onSaved) {
  const form = h(
    'form',
    { class: 'panel', novalidate: true },
    field({
      name: 'token',
      label: 'Token',
      type: 'password',
      autocomplete: 'off',
      spellcheck: 'false',
      hint: 'A JSON Web Token of your issuer. On your own machine, npm run -s token -- cristina prints one. The page keeps it until you close this tab.',
    }),
    h('button', { class: 'primary' }, 'Use this token'),
  );
  const alert = h('div', { role: 'alert', class: 'alert' });
  form.prepend(alert);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const token = String(new FormData(form).get('token')).trim();
    if (claims(token)) {
      saveToken(token);
      onSaved();
      return;
    }
    const faults = [{ detail: 'must be a JSON Web Token', parameter: 'token' }];
    showProblem(alert, new Problem({ title: 'This is not a token', faults }), form);
  });
  return form;
}

/** @type {View} */
export function tokenView(main, _params, signal) {
  const current = claims();
  const again = () => {
    main.replaceChildren();
    tokenView(main, _params, signal);
  };
  main.append(heading('Token'));
  if (!current) {
    main.append(tokenForm(again));
    return;
  }
  const forget = h('button', { type: 'button' }, 'Forget this token');
  forget.addEventListener('click', () => {
    forgetToken();
    again();
  });
  const expires = current.exp && new Date(current.exp * 1000).toISOString();
  const status = h('p', { role: 'status' });
  main.append(
    h(
      'div',
      { class: 'panel' },
      status,
      h('p', {}, 'It allows you to:'),
      h(
        'ul',
        { class: 'scopes' },
        ...Object.entries(allowed).map(([scope, text]) => {
          const has = current.scopes.includes(scope);
          return h(
            'li',
            { class: has ? 'yes' : 'no' },
            h('span', { 'aria-hidden': 'true' }, has ? '✓' : '–'),
            ` ${has ? '' : 'not '}${text} `,
            h('code', {}, scope),
          );
        }),
      ),
      h('p', { class: 'hint' }, 'The page only reads the token; the service checks it.'),
      forget,
    ),
  );
  say(
    status,
    `You use the token of ${current.sub}${expires ? `, valid until ${dateAndTime(expires)}` : ''}.`,
  );
}
