// Fails where a package that is shipped has a licence that nobody here has agreed to.
import { readFileSync } from 'node:fs';

const agreed = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Python-2.0',
  'Unlicense',
]);

const read = (path) => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'));

/** Any one of the choices will do; of what is joined by AND, all must. */
const isAgreed = (licence) =>
  licence
    .replace(/[()]/g, '')
    .split(' OR ')
    .some((choice) => choice.split(' AND ').every((each) => agreed.has(each.trim())));

const { packages } = read('package-lock.json');
const shipped = Object.entries(packages).filter(
  ([path, { dev, link }]) => path.includes('node_modules/') && !dev && !link,
);
const licences = shipped.map(([path, { license }]) => [
  path,
  license ?? read(`${path}/package.json`).license ?? 'none',
]);
const refused = licences.filter(([, licence]) => !isAgreed(licence));
for (const [path, licence] of refused) console.error(`${path}: ${licence}`);
console.log(
  `${licences.length} packages are shipped, ${refused.length} under a licence not agreed to`,
);
process.exitCode = refused.length === 0 ? 0 : 1;
