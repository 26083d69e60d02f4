/** Rules of the repository that no single module can keep. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ESLint } from 'eslint';
import { satisfies } from 'semver';
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

  it('holds no package that exists for some platforms only', () => {
    const bound = packages.filter(
      ([path, { os, cpu }]) => (os ?? cpu) && !path.endsWith('fsevents'),
    );
    expect(bound).toEqual([]);
  });

  it.each(['20.19.0', '22.13.0', '24.0.0'])(
    'holds only packages that run on Node %s',
    (version) => {
      const refusing = packages.filter(
        ([, { engines }]) => !satisfies(version, engines?.node ?? '*'),
      );
      expect(refusing.map(([path]) => path)).toEqual([]);
    },
  );

  it('names no registry', () => {
    expect(packages.filter(([, { resolved }]) => resolved?.includes('://'))).toEqual([]);
  });
});

describe('the import rules', () => {
  const eslint = new ESLint({ cwd: root });

  it.each([
    ['kit knows no service', 'services/kit/src/reply.ts', '@loan-buddy/offers'],
    [
      'services meet over HTTP only',
      'services/offers/src/app.ts',
      '@loan-buddy/confirm-payment/app',
    ],
    [
      'services meet over HTTP only',
      'services/offers/src/http/get-offer.ts',
      '@loan-buddy/confirm-payment/app',
    ],
    ['siblings go by their package name', 'services/offers/src/app.ts', '../../kit/src/reply'],
    ['only app.ts imports http/', 'services/offers/src/orders/checkout.ts', '../http/get-order'],
    ['only app.ts imports http/', 'services/offers/src/main.ts', './http/get-order'],
    ['leaves import no use case', 'services/offers/src/orders/payment-client.ts', './checkout'],
    ['leaves import no use case', 'services/offers/src/offers/ask-providers.ts', './list-offers'],
    [
      'what is behind http/ knows no express',
      'services/offers/src/orders/order-store.ts',
      'express',
    ],
    ['nobody imports main.ts', 'services/offers/src/app.ts', './main'],
  ])('hold: %s (%s)', async (_, file, imported) => {
    const source = `import '${imported}';\n${readFileSync(join(root, file), 'utf8')}`;
    const [result] = await eslint.lintText(source, { filePath: join(root, file) });
    expect(result!.messages.map(({ ruleId }) => ruleId)).toContain('no-restricted-imports');
  });

  it('hold: only main.ts reads the environment', async () => {
    const filePath = join(root, 'services/offers/src/app.ts');
    const source = `${readFileSync(filePath, 'utf8')}\nexport const port = process.env['PORT'];\n`;
    const [result] = await eslint.lintText(source, { filePath });
    expect(result!.messages.map(({ ruleId }) => ruleId)).toEqual(['no-restricted-properties']);
  });
});
