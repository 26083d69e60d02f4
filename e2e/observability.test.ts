/** What the dashboard and the alerts read, in the metrics of the running services and in a real Prometheus. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { itUnless, until } from '@loan-buddy/kit/testing';
import { parse } from 'yaml';
import { postCheckout } from './support/client';
import { startOtlpReceiver } from './support/otlp-receiver';
import { describeOnce } from './support/postgres';
import { startPrometheus } from './support/prometheus';
import { setUp } from './support/service-pair';
import { root } from './support/service-process';

const textOf = (path: string) => readFileSync(join(root, path), 'utf8');

interface Panel {
  title: string;
  type: string;
  targets?: { expr: string; exemplar?: boolean }[];
}
const { panels } = JSON.parse(textOf('helm/loan-buddy/files/dashboard.json')) as {
  panels: Panel[];
};
const queries = panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, exemplar = false }) => ({ title, expr, exemplar })),
);
const { groups } = parse(textOf('helm/loan-buddy/files/rules.yaml')) as {
  groups: { rules: { alert?: string; record?: string; expr: string }[] }[];
};
const rules = groups.flatMap((group) => group.rules);

/** Returns the names of the metrics that a query reads. */
function metricsIn(query: string): string[] {
  const bare = query.replace(/"[^"]*"|\b(by|without|on) \([^)]*\)|\{[^}]*\}|\[[^\]]*\]/g, ' ');
  // Of the functions, those with more than one word.
  return [...bare.matchAll(/\b[a-z]\w*_\w+(:[\w:]+)?(?!\w*\()/g)].map(([name]) => name);
}

/** Returns the names of the series of a service, also of those without a value yet. */
async function seriesOf(url: string): Promise<string[]> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return [...text.matchAll(/^# TYPE (\w+) (\w+)/gm)].flatMap(([, name, type]) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name! + end) : [name!],
  );
}

const hasPrometheus = spawnSync('prometheus', ['--version']).status === 0;
/** How long to use the services, and how far back to look. */
const USE_S = 4;
const LOOK_BACK_S = 60;

describeOnce('the metrics of both services', () => {
  it('are all that the dashboard and the rules read, and are all in the documentation', async () => {
    const { running } = await setUp();
    const series = {
      offers: await seriesOf(running.offers.url),
      other: await seriesOf(running['confirm-payment'].url),
    };
    const known = new Set([
      ...[...series.offers, ...series.other],
      ...rules.flatMap(({ record }) => record ?? []),
    ]);
    const read = [...queries, ...rules].flatMap(({ expr }) => metricsIn(expr));
    const unknown = new Set(read.filter((name) => !known.has(name)));
    // Of kube-state-metrics.
    expect([...unknown]).toEqual(['kube_pod_container_status_terminated_reason']);
    expect(new Set(read).size).toBeGreaterThan(30);

    const own = series.offers.filter((name) => /^(loan_buddy|http)_/.test(name));
    const names = new Set(own.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
    const table = [...textOf('docs/observability.md').matchAll(/^\| `((?:loan_buddy|http)_\w+)/gm)];
    expect(table.map(([, name]) => name!).sort()).toEqual([...names].sort());
  });

  itUnless(hasPrometheus ? undefined : 'this machine has no prometheus')(
    'give each panel of the dashboard data in Prometheus, its durations exemplars, and fire no alert',
    async () => {
      const receiver = await startOtlpReceiver();
      const { running, url } = await setUp(receiver.env);
      const prometheus = await startPrometheus({
        offers: url,
        'confirm-payment': running['confirm-payment'].url,
      });
      await useFor(USE_S, url);
      const { activeTargets } = await prometheus.ask<{ activeTargets: { lastError: string }[] }>(
        'targets',
      );
      expect(activeTargets.map(({ lastError }) => lastError)).toEqual(['', '']);
      let empty: string[] = [];
      await until(async () => {
        const found = await Promise.all(
          queries.map(async ({ title, expr }) => {
            const result = await prometheus.readRange(inPrometheus(expr), LOOK_BACK_S);
            const hasData = result.some(({ values }) =>
              values.some(([, value]) => value !== 'NaN'),
            );
            return hasData ? [] : [`${title}: ${expr}`];
          }),
        );
        empty = found.flat();
        return empty.length === 0;
      }).catch(() => undefined);
      expect(empty).toEqual([]);
      for (const { title, expr } of queries.filter(({ exemplar }) => exemplar)) {
        const found = await prometheus.readExemplars(inPrometheus(expr), LOOK_BACK_S);
        expect([title, found.length > 0]).toEqual([title, true]);
        await until(() =>
          found.every(({ labels }) =>
            receiver.spans.some(({ traceId }) => traceId === labels['trace_id']),
          ),
        );
      }
      const { alerts } = await prometheus.ask<{ alerts: { state: string }[] }>('alerts');
      expect(alerts.filter(({ state }) => state === 'firing')).toEqual([]);
    },
  );
});

/** Returns the query with the values of the variables that Grafana replaces. */
function inPrometheus(query: string): string {
  return query
    .replaceAll('$namespace', '.*')
    .replaceAll('$__rate_interval', `${String(LOOK_BACK_S)}s`);
}

/** Lists offers and checks out, some times a second. */
async function useFor(seconds: number, url: string): Promise<void> {
  const end = Date.now() + seconds * 1000;
  for (let i = 0; Date.now() < end; i++) {
    await (await fetch(`${url}/offers?amount=${String(1000 + i)}`)).arrayBuffer();
    const loan_id = `offer${String(1 + (i % 3))}`;
    await (await postCheckout(url, { user_id: 'cristina', loan_id })).arrayBuffer();
    await sleep(100);
  }
}
