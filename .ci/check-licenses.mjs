// Fails if a shipped package has a licence that is not allowed.
import { readFileSync } from 'node:fs';
import satisfies from 'spdx-satisfies';

const allowed = [
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
];

const read = (path) => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'));

/** Refuses what is no SPDX expression, too. */
function isAllowed(licence) {
  try {
    return satisfies(licence, allowed);
  } catch {
    return false;
  }
}

const { packages } = read('package-lock.json');
const shipped = Object.entries(packages).filter(
  ([path, { dev, link }]) => path.includes('node_modules/') && !dev && !link,
);
const licences = shipped.map(([path, { license }]) => [
  path,
  String(license ?? read(`${path}/package.json`).license ?? 'none'),
]);
const refused = licences.filter(([, licence]) => !isAllowed(licence));
for (const [path, licence] of refused) console.error(`${path}: ${licence}`);
console.log(
  `${licences.length} packages are shipped, ${refused.length} under a licence that is not allowed`,
);
process.exitCode = refused.length === 0 ? 0 : 1;
