/** The rules for Prometheus, which the chart installs. promtool runs their unit tests. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeUnless } from '@loan-buddy/kit/testing';
import { parse } from 'yaml';
import { root } from './support/service-process';

interface Rule {
  alert?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

interface RuleTests {
  tests: {
    name: string;
    alert_rule_test: { alertname: string; exp_alerts: unknown[] }[];
  }[];
}

const folder = join(root, 'e2e/rules');
const files = ['alerts.yaml', 'error-budgets.yaml'];
const rulesFile = join(root, 'helm/loan-buddy/files/rules.yaml');
const { groups } = parse(readFileSync(rulesFile, 'utf8')) as { groups: { rules: Rule[] }[] };
const alerts = groups.flatMap(({ rules }) => rules.filter(({ alert }) => alert !== undefined));
const names = alerts.map(({ alert }) => alert!);

describe('the alerts', () => {
  it('each fire in a unit test, and stay silent in one and in a healthy run', () => {
    const cases = files.flatMap((file) => {
      const { tests } = parse(readFileSync(join(folder, file), 'utf8')) as RuleTests;
      return tests.flatMap(({ name, alert_rule_test: checks }) =>
        checks.map(({ alertname, exp_alerts: expected }) => ({
          alert: alertname,
          kind: name === 'a healthy run' ? 'healthy' : expected.length > 0 ? 'fires' : 'silent',
        })),
      );
    });
    for (const kind of ['healthy', 'fires', 'silent']) {
      const tested = cases.flatMap((each) => (each.kind === kind ? [each.alert] : []));
      expect([kind, [...new Set(tested)].sort()]).toEqual([kind, [...names].sort()]);
    }
  });

  it('have an entry in the runbook each, and a link to it', () => {
    const text = readFileSync(join(root, 'docs/runbook.md'), 'utf8');
    const entries = [...text.matchAll(/^### (\w+)\n\n\S/gm)].map(([, name]) => name!);
    expect([...entries].sort()).toEqual([...names].sort());
    for (const { alert, labels, annotations } of alerts) {
      const anchor = `/docs/runbook.md#${alert!.toLowerCase()}`;
      expect(annotations?.['runbook_url']?.endsWith(anchor)).toBe(true);
      expect(annotations?.['summary']).toMatch(/\w/);
      expect(['page', 'ticket']).toContain(labels?.['severity']);
    }
  });
});

it('docs/observability.md lists the alerts with their severity', () => {
  const text = readFileSync(join(root, 'docs/observability.md'), 'utf8');
  const listed = [...text.matchAll(/^\| `(LoanBuddy\w+)` +\| (\w+)/gm)];
  expect(listed.map(([, name, severity]) => `${name!} ${severity!}`)).toEqual(
    alerts.map(({ alert, labels }) => `${alert!} ${labels!['severity']!}`),
  );
});

const hasPromtool = spawnSync('promtool', ['--version']).status === 0;

describeUnless(hasPromtool ? undefined : 'this machine has no promtool')('promtool', () => {
  const run = (...args: string[]) => {
    const { stdout, stderr } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });
    return stdout + stderr;
  };

  it('accepts the rules', () => {
    expect(run('check', 'rules', rulesFile)).toMatch(/SUCCESS: \d+ rules found/);
  });

  it.each(files)('passes the unit tests in %s', (file) => {
    expect(run('test', 'rules', file)).toMatch(/^Unit Testing: .*\n {2}SUCCESS\n\s*$/);
  });
});
