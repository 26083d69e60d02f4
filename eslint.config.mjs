import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** Which folders of a package a folder may import: the arrows of the map in services/README.md. */
const directions = {
  kit: {
    problem: [],
    telemetry: [],
    process: ['telemetry'],
    admission: ['problem'],
    messaging: ['process', 'telemetry'],
    server: ['admission', 'problem', 'process', 'telemetry'],
  },
  offers: {
    domain: [],
    client: [],
    db: ['domain'],
    admission: ['client', 'db'],
    catalogue: ['client', 'domain'],
    events: ['db', 'domain'],
    orders: ['catalogue', 'db', 'domain', 'events'],
    approval: ['client', 'db', 'domain', 'events', 'orders'],
    webhooks: ['client', 'db', 'domain'],
    email: ['db', 'domain'],
    http: ['catalogue', 'client', 'db', 'domain', 'events', 'orders', 'webhooks'],
    commands: ['catalogue', 'client', 'db', 'domain', 'events', 'orders'],
  },
};

const express = [
  '^(express|(node:)?process)$',
  'Only http/ and app.ts may import express or process.',
];
const http = ['/http/', 'Only app.ts may import http/.'];
const root = [
  '^(\\.\\./)+(app|main|config|context)$',
  'A folder must not import app.ts, main.ts, config.ts or context.ts.',
];

/**
 * Forbids imports whose path matches, and gives the reason. A later block replaces an earlier one, so each lists all
 * its rules.
 */
const noImports = (...rules) => ({
  'no-restricted-imports': [
    'error',
    {
      patterns: [
        [
          '^(\\.\\./)+(kit|offers|confirm-payment|launcher)/(src|dist)',
          'Import another package by its name.',
        ],
        ['^@loan-buddy/(?!kit)', 'Services communicate only over HTTP or Pub/Sub.'],
        ['^@loan-buddy/kit/testing', 'Test helpers are not part of the build.'],
        ...rules,
      ].map(([regex, message]) => ({ regex, message })),
    },
  ],
});

/** The rules of one folder: its directions, and its other rules. */
function rulesOf(name, folder) {
  const allowed = directions[name][folder];
  const others = Object.keys(directions[name]).filter((each) => !allowed.includes(each));
  return [
    [
      `^(\\.\\./)+(${others.join('|')})(/|$)`,
      `${folder}/ imports only ${allowed.join(', ') || 'its own files'}.`,
    ],
    ...(name === 'kit' ? [['^@loan-buddy/', 'kit must not import a service.']] : []),
    ...(name === 'kit' || folder === 'commands' ? [] : [root]),
    ...(name === 'kit' || folder === 'http' ? [] : [express]),
    ...(folder === 'domain' ? [['^@loan-buddy/', 'domain/ must not import our packages.']] : []),
  ];
}

export default defineConfig(
  { ignores: ['**/dist/', '**/coverage/', '**/node_modules/', 'services/offers/page/*.d.ts'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json' } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['services/*/src/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only main.ts and the commands may read the environment.',
        },
      ],
      ...noImports(),
    },
  },
  {
    files: ['services/{offers,confirm-payment}/src/*.ts'],
    rules: noImports(http, express),
  },
  ...Object.entries(directions).flatMap(([name, folders]) =>
    Object.keys(folders).map((folder) => ({
      files: [`services/${name}/src/${folder}/**/*.ts`],
      rules: noImports(...rulesOf(name, folder)),
    })),
  ),
  {
    files: ['services/confirm-payment/src/http/*.ts'],
    rules: noImports(root),
  },
  {
    files: ['services/*/src/app.ts'],
    rules: noImports(['/(main|config)$', 'app.ts lists routes; context.ts builds what they use.']),
  },
  {
    // The entry points: the services with their tracing, and the commands beside them.
    files: ['services/*/src/{main,instrumentation}.ts', 'services/*/src/commands/*.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['**/*.test.ts', '**/test/**/*.ts', 'e2e/**/*.ts', 'bench/**/*.ts'],
    rules: {
      'no-restricted-imports': 'off',
      'no-restricted-properties': 'off',
      // The test library types response bodies as `any`; the assertions check them.
      '@typescript-eslint/no-unsafe-assignment': 'off',
    },
  },
  { files: ['bench/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          ...['__dirname', 'AbortSignal', 'Buffer', 'console', 'fetch', 'module', 'process'],
          ...['require', 'setTimeout', 'URL'],
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
  // The compiler knows the names that a browser has.
  { files: ['services/offers/page/*.js'], rules: { 'no-undef': 'off' } },
);
