import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@loan-buddy/kit/testing';
import { parse } from 'yaml';
import { atEnd } from './at-end';
import { freePort } from './free-port';
import { root } from './service-process';

export interface Series {
  metric: Record<string, string>;
  values: [number, string][];
}

interface Exemplar {
  labels: Record<string, string>;
}

interface Compose {
  services: { prometheus: { command: string[] } };
}

interface Config {
  scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
}

/**
 * Starts Prometheus as docker compose does, but with other targets and intervals of a second, and waits until it has
 * scraped each. Ends it after the test.
 */
export async function startPrometheus(targets: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const rules = readFileSync(join(root, 'helm/loan-buddy/files/rules.yaml'), 'utf8');
  writeFileSync(join(folder, 'rules.yaml'), rules.replaceAll('interval: 30s', 'interval: 1s'));
  const config = parse(readFileSync(join(root, 'compose/prometheus.yml'), 'utf8')) as Config;
  for (const job of config.scrape_configs) {
    job.static_configs = [{ targets: [new URL(targets[job.job_name]!).host] }];
  }
  const global = { scrape_interval: '1s', evaluation_interval: '1s' };
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify({ ...config, global }));
  const { services } = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8')) as Compose;
  const options = services.prometheus.command.filter((each) => !each.startsWith('--config.file='));
  const address = `127.0.0.1:${String(await freePort())}`;
  const child = spawn(
    'prometheus',
    ['--config.file=prometheus.yml', `--web.listen-address=${address}`, ...options],
    { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const exit = once(child, 'close');
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  atEnd(async () => {
    child.kill('SIGKILL');
    await exit;
    rmSync(folder, { recursive: true });
  });

  const ask = async <Data>(path: string, query: Record<string, string> = {}): Promise<Data> => {
    const url = `http://${address}/api/v1/${path}?${new URLSearchParams(query).toString()}`;
    const body = (await (await fetch(url)).json()) as { data: Data; error?: string };
    if (body.error !== undefined) throw new Error(`${path}: ${body.error}`);
    return body.data;
  };
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus ended: ${log}`);
    return (await fetch(`http://${address}/-/ready`).catch(() => undefined))?.ok === true;
  });
  // It finds them only after five seconds.
  await until(async () => {
    const { activeTargets } = await ask<{ activeTargets: { health: string }[] }>('targets');
    const scraped = activeTargets.filter(({ health }) => health !== 'unknown');
    return scraped.length === Object.keys(targets).length;
  });
  const theLast = (seconds: number) => {
    const end = Date.now() / 1000;
    return { start: String(end - seconds), end: String(end) };
  };
  return {
    ask,
    /** Returns what a panel shows about the last `seconds`. */
    readRange: async (query: string, seconds: number) => {
      const range = { ...theLast(seconds), step: '1' };
      return (await ask<{ result: Series[] }>('query_range', { query, ...range })).result;
    },
    readExemplars: async (query: string, seconds: number) => {
      const series = await ask<{ exemplars: Exemplar[] }[]>('query_exemplars', {
        query,
        ...theLast(seconds),
      });
      return series.flatMap(({ exemplars }) => exemplars);
    },
  };
}
