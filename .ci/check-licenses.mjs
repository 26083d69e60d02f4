// Fails if a shipped package has a licence that is not allowed.
import { readFileSync } from 'node:fs';
import satisfies from 'spdx-satisfies';

const usage = `usage: .ci/check-licenses.mjs
Checks the licence of each shipped package in package-lock.json, and exits 1 if one is not allowed.
`;

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

function check() {
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
}

const [argument] = process.argv.slice(2);
if (argument === undefined) check();
else if (['-h', '--help'].includes(argument)) process.stdout.write(usage);
else {
  process.stderr.write(usage);
  process.exitCode = 2;
}
