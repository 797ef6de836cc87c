import { type ChildProcess, spawn } from 'node:child_process';
import { freePort, stopAtEnd } from './servers.ts';
import { until } from './until.ts';

export interface RoleProcess {
  readonly child: ChildProcess;
  /** `host:port` of `/metrics`. */
  readonly metricsAddress: string;
  /** Everything on its standard output and error so far. */
  output(): string;
  /** What it has logged so far, an object a line. */
  logged(): Record<string, unknown>[];
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `piing ROLE` as a process of its own and waits until it is ready. */
export async function startRole(role: string, env: Readonly<Record<string, string>>): Promise<RoleProcess> {
  const metricsPort = await freePort();
  const child = spawn(process.execPath, ['src/main.ts', role], {
    env: {
      PATH: process.env.PATH ?? '',
      PIING_BIND_ADDRESS: '127.0.0.1',
      PIING_LOG_FORMAT: 'json',
      PIING_DRAIN_DELAY_SECONDS: '0',
      PIING_METRICS_PORT: String(metricsPort),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      output += data;
    });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    return ended;
  };
  stopAtEnd(async () => {
    await stop('SIGKILL');
  });
  const metricsAddress = `127.0.0.1:${metricsPort}`;
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${role} ended with ${child.exitCode}: ${output}`);
    return (await fetch(`http://${metricsAddress}/readyz`).catch(() => undefined))?.ok || undefined;
  });
  const logged = () =>
    output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return { child, metricsAddress, output: () => output, logged, stop };
}
