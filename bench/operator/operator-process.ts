import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ControlPlane } from '../../test/support/control-plane.ts';
import { freePort, stopAtEnd } from '../../test/support/servers.ts';
import { cpuSeconds } from '../sftp/processes.ts';

export interface OperatorProcess {
  /** Requests to the API server so far, by the operator's own count. */
  requests(): Promise<number>;
  cpuSeconds(): number;
  peakMemoryBytes(): number;
  stop(): Promise<void>;
}

export async function startOperatorProcess(
  plane: ControlPlane,
  databaseUrl: string,
  options: { readonly workers: string | undefined; readonly heapMegabytes: number },
): Promise<OperatorProcess> {
  const port = await freePort();
  // Without limits V8 lets garbage lie: twice the memory for the same time.
  const limits = ['--max-semi-space-size=2', `--max-old-space-size=${options.heapMegabytes}`];
  const { workers } = options;
  const child = spawn(process.execPath, [...limits, 'src/main.ts', 'operator'], {
    env: {
      PATH: process.env.PATH,
      KUBECONFIG: plane.kubeconfig,
      DATABASE_URL: databaseUrl,
      PIING_BIND_ADDRESS: '127.0.0.1',
      PIING_METRICS_PORT: String(port),
      PIING_LOG_LEVEL: 'warn',
      ...(workers === undefined ? {} : { PIING_OPERATOR_WORKERS: workers }),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  stopAtEnd(stop);
  const pid = child.pid ?? 0;
  return {
    requests: async () => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const counts = text.matchAll(/^rest_client_requests_total\{.*\} (\d+)$/gm);
      return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
    },
    cpuSeconds: () => cpuSeconds(pid),
    peakMemoryBytes: () => {
      const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
      return Number(kilobytes) * 1_024;
    },
    stop,
  };
}
