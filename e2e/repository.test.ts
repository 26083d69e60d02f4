/** Rules for the whole repository. Long, because they share how files are found and linted. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { satisfies } from 'semver';
import { variableNames as confirmPaymentVariables } from '../services/confirm-payment/src/config';
import { variables as launcherVariables } from '../services/launcher/src/config';
import { variableNames as offersVariables } from '../services/offers/src/config';
import { root } from './support/service-process';

interface LockedPackage {
  os?: string[];
  cpu?: string[];
  resolved?: string;
  engines?: { node?: string };
}

describe('package-lock.json', () => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  const packages = Object.entries(lock.packages);

  it('contains no platform-specific package', () => {
    const bound = packages.filter(
      ([path, { os, cpu }]) => (os ?? cpu) && !path.endsWith('fsevents'),
    );
    expect(bound).toEqual([]);
  });

  it.each(['20.19.0', '22.13.0', '24.0.0'])(
    'contains only packages that run on Node %s',
    (version) => {
      const refusing = packages.filter(
        ([, { engines }]) => !satisfies(version, engines?.node ?? '*'),
      );
      expect(refusing.map(([path]) => path)).toEqual([]);
    },
  );

  it('contains no package under a licence that is not allowed', () => {
    const out = execFileSync(process.execPath, [join(root, '.ci/check-licenses.mjs')]).toString();
    expect(out).toMatch(/^\d{3} packages are shipped, 0 under/);
  });

  it('names no registry', () => {
    expect(packages.filter(([, { resolved }]) => resolved?.includes('://'))).toEqual([]);
  });
});

describe('check-licenses.mjs', () => {
  /** Runs the script on one package with the given licence. */
  function check(license: unknown, more: object = {}): { status: number | null; output: string } {
    const folder = mkdtempSync(join(tmpdir(), 'licenses-'));
    try {
      cpSync(join(root, '.ci/check-licenses.mjs'), join(folder, '.ci/check-licenses.mjs'));
      symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
      const packages = { 'node_modules/thing': { license, ...more } };
      writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages }));
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [join(folder, '.ci/check-licenses.mjs')],
        { encoding: 'utf8' },
      );
      return { status, output: stdout + stderr };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  it.each([
    'MIT',
    '(MIT OR GPL-3.0-only)',
    'GPL-3.0-only OR (MIT AND ISC)',
    'MIT AND (ISC OR GPL-3.0-only)',
  ])('accepts %s', (licence) => {
    expect(check(licence)).toEqual({
      status: 0,
      output: '1 packages are shipped, 0 under a licence that is not allowed\n',
    });
  });

  it.each([
    'GPL-3.0-only',
    'UNLICENSED',
    'SEE LICENSE IN LICENSE',
    '',
    'MIT AND GPL-3.0-only',
    'GPL-3.0-only AND (LGPL-3.0-only OR MIT)',
    '(MIT OR GPL-2.0-only) AND GPL-3.0-only',
    'MIT WITH an-exception',
    '(MIT',
  ])('refuses %j, and names the package', (licence) => {
    const { status, output } = check(licence);
    expect(status).toBe(1);
    expect(output).toContain(`node_modules/thing: ${licence}\n`);
  });

  it('ignores development dependencies', () => {
    expect(check('GPL-3.0-only', { dev: true })).toMatchObject({ status: 0 });
  });
});

describe('the import rules', () => {
  const kit = 'services/kit/src';
  const offers = 'services/offers/src';
  const imports = [
    ['problem/ imports only', `${kit}/problem/problem.ts`, '../admission/admission'],
    ['telemetry/ imports only', `${kit}/telemetry/logger.ts`, '../process/env'],
    ['process/ imports only', `${kit}/process/env.ts`, '../server/serve'],
    ['admission/ imports only', `${kit}/admission/quota.ts`, '../server/endpoint'],
    ['messaging/ imports only', `${kit}/messaging/cloud-events.ts`, '../server/serve'],
    ['server/ imports only', `${kit}/server/serve.ts`, '../messaging/message-bus'],
    ['kit must not import a service.', `${kit}/server/responses.ts`, '@loan-buddy/offers'],
    ['domain/ imports only', `${offers}/domain/order.ts`, '../db/tables'],
    ['domain/ must not import', `${offers}/domain/order.ts`, '@loan-buddy/kit/problem'],
    ['client/ imports only', `${offers}/client/web-client.ts`, '../catalogue/provider'],
    ['db/ imports only', `${offers}/db/tables.ts`, '../events/event-log'],
    ['admission/ imports only', `${offers}/admission/key-set.ts`, '../orders/checkout'],
    ['catalogue/ imports only', `${offers}/catalogue/list-offers.ts`, '../orders/order-store'],
    [
      'catalogue/ imports only',
      `${offers}/catalogue/providers/cdr/holder.ts`,
      '../../../db/tables',
    ],
    ['events/ imports only', `${offers}/events/event-log.ts`, '../orders/order-store'],
    ['orders/ imports only', `${offers}/orders/checkout.ts`, '../approval/payment-client'],
    ['orders/ imports only', `${offers}/orders/checkout.ts`, '../http/get-order'],
    ['approval/ imports only', `${offers}/approval/payment-client.ts`, '../webhooks/send-webhook'],
    ['webhooks/ imports only', `${offers}/webhooks/send-webhook.ts`, '../email/send-email'],
    ['email/ imports only', `${offers}/email/send-email.ts`, '../orders/order-store'],
    ['http/ imports only', `${offers}/http/get-order.ts`, '../approval/payment-client'],
    ['commands/ imports only', `${offers}/commands/orders.ts`, '../http/get-order'],
    ['Services communicate', `${offers}/app.ts`, '@loan-buddy/confirm-payment/app'],
    ['Services communicate', `${offers}/main.ts`, '@loan-buddy/confirm-payment/app'],
    ['Services communicate', `${offers}/http/get-offer.ts`, '@loan-buddy/confirm-payment/app'],
    ['Test helpers', `${offers}/orders/checkout.ts`, '@loan-buddy/kit/testing'],
    ['Import another package', `${offers}/app.ts`, '../../kit/src/server/responses'],
    ['Only app.ts may import http/.', `${offers}/main.ts`, './http/get-order'],
    [
      'Only http/ and app.ts may import express or process.',
      `${offers}/orders/checkout.ts`,
      'express',
    ],
    [
      'Only http/ and app.ts may import express or process.',
      `${offers}/orders/order-store.ts`,
      'node:process',
    ],
    [
      'Only http/ and app.ts may import express or process.',
      'services/confirm-payment/src/decide.ts',
      'express',
    ],
    ['app.ts lists routes', `${offers}/app.ts`, './main'],
    ['A folder must not import app.ts', `${offers}/http/get-offer.ts`, '../app'],
    ['A folder must not import app.ts', `${offers}/orders/checkout.ts`, '../config'],
  ] as const;
  const textOf = (file: string) => readFileSync(join(root, file), 'utf8');
  const app = `${offers}/app.ts`;
  let complaints: Complaint[][];
  beforeAll(() => {
    complaints = lint([
      ...imports.map(([, file, imported]) => ({
        file,
        text: `import '${imported}';\n${textOf(file)}`,
      })),
      { file: app, text: `${textOf(app)}\nexport const port = process.env['PORT'];\n` },
    ]);
  });

  it.each(imports.map((each, i) => [...each, i] as const))(
    'hold: "%s" in %s',
    (message, _file, _imported, i) => {
      expect(complaints[i]!.map((complaint) => complaint.message).join()).toContain(message);
    },
  );

  it('hold: only main.ts reads the environment', () => {
    expect(complaints.at(-1)!.map(({ ruleId }) => ruleId)).toEqual(['no-restricted-properties']);
  });
});

/** The folders of a package, each with the folders that its files import. Tests do not count. */
function foldersOf(source: string): Map<string, Set<string>> {
  const folders = new Map<string, Set<string>>();
  const files = readdirSync(join(root, source), { encoding: 'utf8', recursive: true });
  for (const file of files) {
    const [folder] = file.split('/');
    if (!/^[^/]+\/.*(?<!\.test)\.ts$/.test(file) || !folder) continue;
    const imported = folders.get(folder) ?? new Set();
    folders.set(folder, imported);
    const text = readFileSync(join(root, source, file), 'utf8');
    for (const [, path] of text.matchAll(/from '(\.[^']+)'/g)) {
      imported.add(join(dirname(file), path!).split('/')[0]!);
    }
  }
  return folders;
}

describe.each(['services/kit/src', 'services/offers/src'])('the folders of %s', (source) => {
  const folders = foldersOf(source);

  it('never import each other', () => {
    const pairs = [...folders].flatMap(([folder, imported]) =>
      [...imported].filter((other) => other !== folder && folders.get(other)?.has(folder)),
    );
    expect(folders.size).toBeGreaterThan(5);
    expect(pairs).toEqual([]);
  });
});

/** The names that a text exports from files beside it, each with its file. */
function exportsOf(index: string): { name: string; file: string }[] {
  return [...index.matchAll(/export \{([^}]*)\} from '\.\/([^']+)'/g)].flatMap(([, names, file]) =>
    names!.split(',').flatMap((each) => {
      const name = each.replace('type ', '').trim();
      return name === '' ? [] : [{ name, file: `${file!}.ts` }];
    }),
  );
}

describe('the entry points of kit', () => {
  const kit = join(root, 'services/kit/src');
  const codeIn = (folder: string) =>
    readdirSync(folder, { encoding: 'utf8', recursive: true })
      .filter((file) => file.endsWith('.ts') && !/^(dist|node_modules)\//.test(file))
      .map((file) => join(folder, file));
  const ofKit = codeIn(kit).filter((file) => !/(\.test|\/index)\.ts$/.test(file));
  const others = ['confirm-payment', 'launcher'].map((name) => join(root, 'services', name));
  const texts = new Map(
    [...ofKit, ...others.flatMap(codeIn)].map((file) => [file, readFileSync(file, 'utf8')]),
  );

  it.each(readdirSync(kit))('%s/ exports nothing that only offers uses', (folder) => {
    const exported = exportsOf(readFileSync(join(kit, folder, 'index.ts'), 'utf8'));
    const onlyInOffers = exported.filter(({ name, file }) => {
      const use = new RegExp(`\\b${name}\\b`);
      return ![...texts].some(([path, text]) => path !== join(kit, folder, file) && use.test(text));
    });
    expect(exported).not.toEqual([]);
    expect(onlyInOffers).toEqual([]);
  });
});

interface Complaint {
  ruleId: string;
  message: string;
}

/**
 * Returns the complaints of the import rules about each text, as if it were the content of the file. ESLint runs in its
 * own process: it loads its configuration as an ECMAScript module, which Jest does only with an experimental flag.
 */
function lint(texts: { file: string; text: string }[]): Complaint[][] {
  // These two rules need no types; without them, the text under test may differ from the file's.
  const script = `
    import { ESLint } from 'eslint';
    import { text } from 'node:stream/consumers';
    const rules = ['no-restricted-imports', 'no-restricted-properties'];
    const eslint = new ESLint({
      ruleFilter: ({ ruleId }) => rules.includes(ruleId),
      overrideConfig: { languageOptions: { parserOptions: { project: null } } },
    });
    const all = [];
    for (const { file, text: source } of JSON.parse(await text(process.stdin))) {
      const [result] = await eslint.lintText(source, { filePath: file });
      all.push(result.messages);
    }
    console.log(JSON.stringify(all));`;
  const out = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: root,
    input: JSON.stringify(texts),
  });
  return JSON.parse(out.toString()) as Complaint[][];
}

it('a file over 250 lines says first why it is long', () => {
  const files = ['services', 'e2e', 'bench'].flatMap((folder) =>
    readdirSync(join(root, folder), { encoding: 'utf8', recursive: true })
      .filter((path) => path.endsWith('.ts') && !/(^|\/)(dist|node_modules)\//.test(path))
      .map((path) => join(folder, path)),
  );
  const textOf = (file: string) => readFileSync(join(root, file), 'utf8');
  const long = files.filter((file) => textOf(file).split('\n').length > 251);
  expect(files.length).toBeGreaterThan(200);
  expect(long.filter((file) => !/^\/[/*]+[ *\n]+[^/]*Long, because/.test(textOf(file)))).toEqual(
    [],
  );
});

describe('the documentation', () => {
  const files = [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'services/README.md',
    ...markdownIn('docs'),
    ...markdownIn('docs/adr'),
  ];

  it.each(files)('%s links only to files that exist', (file) => {
    const text = readFileSync(join(root, file), 'utf8');
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(
      ([, target]) => target!,
    );
    const broken = links.filter((target) => !existsSync(join(root, dirname(file), target)));
    expect(broken).toEqual([]);
  });

  it('lists every variable, as its schema describes it', () => {
    const script = ['services/launcher/start.js', '.ci/configuration-tables.ts', '--check'];
    const { stdout, stderr } = spawnSync(process.execPath, ['-C', 'source', ...script], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(stdout + stderr).toBe('');
    const text = readFileSync(join(root, 'docs/configuration.md'), 'utf8');
    const names = [
      ...offersVariables,
      ...confirmPaymentVariables,
      ...Object.keys(launcherVariables),
    ];
    expect(names.filter((name) => !text.includes(`\n| \`${name}\` `))).toEqual([]);
  });

  it('names only tests that exist', () => {
    const tests = ['services', 'e2e', 'terraform'].flatMap((folder) =>
      readdirSync(join(root, folder), { encoding: 'utf8', recursive: true })
        .filter((path) => /\.(test\.ts|tftest\.hcl)$/.test(path) && !path.includes('node_modules'))
        .map((path) => `/${folder}/${path}`),
    );
    const text = readFileSync(join(root, 'docs/threat-model.md'), 'utf8');
    const named = [...text.matchAll(/`([\w/-]+\.(?:test\.ts|tftest\.hcl))`/g)].map(
      ([, name]) => name!,
    );
    expect(named.length).toBeGreaterThan(40);
    expect(named.filter((name) => !tests.some((path) => path.endsWith(`/${name}`)))).toEqual([]);
    const titles = [...text.matchAll(/`([\w/-]+\.test\.ts)`((?:, "[^"]+")+)/g)].flatMap(
      ([, file, list]) => [...list!.matchAll(/"([^"]+)"/g)].map(([, title]) => [file, title]),
    );
    const missing = titles.filter(
      ([file, title]) =>
        !tests
          .filter((path) => path.endsWith(`/${file!}`))
          .some((path) => readFileSync(join(root, path), 'utf8').includes(title!)),
    );
    expect(missing).toEqual([]);
  });

  function markdownIn(folder: string): string[] {
    const names = readdirSync(join(root, folder)).filter((name) => name.endsWith('.md'));
    return names.map((name) => `${folder}/${name}`);
  }
});
