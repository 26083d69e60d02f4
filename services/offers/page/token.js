import { claims, forgetToken, saveToken } from './api.js';
import { field, foreign, h, heading, unseen } from './dom.js';
import { dateAndTime } from './format.js';
/** @import { View } from './types.d.ts' */

/** What a scope allows, in the words of the page. */
const allowed = {
  'offers:read': 'compare offers',
  'orders:write': 'check out an offer',
  'orders:read': 'see orders',
  'orders:admin': 'act for every user',
};

/** Shows the current view again, with or without the token. */
const showAgain = () => dispatchEvent(new Event('hashchange'));

/** Asks for a token. */
export function tokenForm() {
  const form = h(
    'form',
    { class: 'panel', novalidate: true },
    field({
      name: 'token',
      label: 'Token',
      type: 'password',
      autocomplete: 'off',
      hint: 'A JSON Web Token. On your own machine, npm run -s token -- cristina prints one. The page keeps it until you close this tab.',
    }),
    h('button', { class: 'primary' }, 'Use this token'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const token = String(new FormData(form).get('token')).trim();
    if (claims(token)) {
      saveToken(token);
      showAgain();
      return;
    }
    form.querySelector('input')?.setAttribute('aria-invalid', 'true');
    form.querySelector('.fault')?.replaceChildren('This is not a JSON Web Token.');
  });
  return form;
}

/** @type {View} */
export function tokenView(main) {
  main.append(heading('Token'));
  const token = claims();
  if (!token) {
    main.append(tokenForm());
    return;
  }
  const until = token.exp && `, valid until ${dateAndTime(new Date(token.exp * 1000))}`;
  const forget = h('button', { type: 'button' }, 'Forget this token');
  forget.addEventListener('click', () => {
    forgetToken();
    showAgain();
  });
  const scopes = Object.entries(allowed).map(([scope, text]) => {
    const has = token.scopes.includes(scope);
    const sign = h('span', { 'aria-hidden': 'true' }, has ? '✓ ' : '– ');
    const not = !has && unseen('not ');
    return h('li', { class: !has && 'soft' }, sign, not, `${text} `, h('code', {}, scope));
  });
  main.append(
    h(
      'div',
      { class: 'panel' },
      h('p', {}, 'You use the token of ', foreign(token.sub), until || '', '. It allows you to:'),
      h('ul', { class: 'plain' }, ...scopes),
      h('p', { class: 'hint' }, 'The page only reads the token. The service checks it.'),
      forget,
    ),
  );
}
