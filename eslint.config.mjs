import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const express = [
  '^(express|(node:)?process)$',
  'What is behind http/ knows neither HTTP nor the environment.',
];
const http = ['/http/', 'Only app.ts imports http/.'];
const app = ['/(app|main|config)$', 'app.ts, main.ts and config.ts are imported by nobody below.'];
/** Add each new one here. */
const useCases = [
  ...['list-offers', 'find-offer', 'checkout', 'idempotent-checkout', 'await-order'],
  ...['attempt-decision', 'request-decision', 'decision-worker'],
  ...['publish-events', 'apply-decision', 'deliver-webhook', 'deliver-email'],
];
const noUseCases = [
  `/(${useCases.join('|')})$`,
  'What a use case is built from does not import it.',
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
          'Import a sibling by its package name.',
        ],
        ['^@loan-buddy/(?!kit)', 'A service talks to another over HTTP or Pub/Sub only.'],
        ['^@loan-buddy/kit/testing', 'What is for tests is not part of the build.'],
        ...rules,
      ].map(([regex, message]) => ({ regex, message })),
    },
  ],
});

export default defineConfig(
  { ignores: ['**/dist/', '**/coverage/', '**/node_modules/'] },
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
          message: 'Only main.ts and the commands read the environment.',
        },
      ],
      ...noImports(),
    },
  },
  {
    files: ['services/kit/src/**/*.ts'],
    rules: noImports(['^@loan-buddy/', 'kit knows no service.']),
  },
  {
    files: ['services/{offers,confirm-payment}/src/**/*.ts'],
    rules: noImports(http, app, express),
  },
  {
    files: ['services/offers/src/{events,notification,offers,orders}/**/*.ts'],
    // notification.ts assembles the parts in its folder.
    ignores: [`**/{${useCases.join(',')}}.ts`, '**/notification/notification.ts'],
    rules: noImports(http, app, express, noUseCases),
  },
  {
    files: ['services/*/src/**/http/**/*.ts'],
    rules: noImports(app),
  },
  {
    files: ['services/*/src/app.ts'],
    rules: noImports(['/(main|config)$', app[1]]),
  },
  {
    // The entry points: the services, and the commands beside them.
    files: ['services/*/src/main.ts', 'services/*/src/commands/*.ts'],
    rules: { 'no-restricted-properties': 'off', ...noImports(http) },
  },
  {
    // The parts that main.ts assembles.
    files: ['services/offers/src/open-*.ts'],
    rules: noImports(http, express),
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
          ...['__dirname', 'Buffer', 'console', 'fetch', 'module', 'process'],
          ...['require', 'setTimeout', 'URL'],
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
);
