import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { freePort, stopAtEnd, temporaryDirectory } from './servers.ts';
import { until } from './until.ts';

export interface Target {
  /** `host:port` of `/metrics`. */
  readonly address: string;
  /** Beside `job`, `instance` and `namespace`. */
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

/** A real Prometheus. */
export interface Prometheus {
  readonly url: string;
  /** An instant query. @throws {Error} with what Prometheus says of a query that it does not understand */
  query(expression: string): Promise<Sample[]>;
  alerts(): Promise<Alert[]>;
  /** Resolves when every target has been scraped since now. */
  scraped(): Promise<void>;
  stop(): Promise<void>;
}

/** The label `namespace` that every target of a test has. */
export const NAMESPACE = 'test';

/** Starts a Prometheus of its own that scrapes the targets and evaluates the rules every second. */
export async function startPrometheus(
  targets: readonly Target[],
  ruleFiles: readonly string[] = [],
): Promise<Prometheus> {
  const directory = await temporaryDirectory('prometheus');
  const config = join(directory, 'prometheus.yml');
  await writeFile(
    config,
    stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ruleFiles.map((file) => resolve(file)),
      scrape_configs: [
        {
          job_name: 'piing-gateway',
          static_configs: targets.map(({ address, labels }) => ({
            targets: [address],
            labels: { namespace: NAMESPACE, ...labels },
          })),
        },
      ],
    }),
  );
  const url = `http://127.0.0.1:${await freePort()}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=${new URL(url).host}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  stopAtEnd(stop);
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`prometheus ended with ${child.exitCode}`);
    return (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok || undefined;
  });
  return { url, stop, ...client(url, targets.length) };
}

function client(url: string, targets: number): Pick<Prometheus, 'query' | 'alerts' | 'scraped'> {
  async function ask<Data>(path: string, parameters: Record<string, string> = {}): Promise<Data> {
    const answer = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const body = (await answer.json()) as { status: string; error?: string; data: Data };
    if (body.status !== 'success') throw new Error(`${body.error}: ${parameters.query}`);
    return body.data;
  }
  const query = async (expression: string) => {
    const { result } = await ask<{ result: { metric: Sample['metric']; value: [number, string] }[] }>(
      'query',
      {
        query: expression,
      },
    );
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  };
  return {
    query,
    alerts: async () => (await ask<{ alerts: Alert[] }>('alerts')).alerts,
    scraped: async () => {
      const since = Date.now() / 1_000;
      await until(async () => {
        const fresh = await query(`timestamp(up) > ${since} and up == 1`);
        return fresh.length === targets || undefined;
      });
    },
  };
}
