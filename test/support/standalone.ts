import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Endpoints } from '../../src/commands/standalone-messages.ts';
import { stopAtEnd } from './servers.ts';

export interface StandaloneProcess {
  readonly process: ChildProcess;
  readonly dataDirectory: string;
  readonly endpoints: Endpoints;
  /** Everything printed so far, both streams. */
  output(): string;
  credential(
    organization: string,
    name: string,
  ): Promise<{ readonly client_id: string; readonly client_secret: string }>;
  /** Resident memory of the gateway's process, in bytes; its PostgreSQL has processes of its own. */
  residentMemory(): Promise<number>;
  /** Sends a signal and waits for the end; returns the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `piing standalone` as a process of its own on free ports and waits until it listens. */
export async function startStandalone(
  dataDirectory: string,
  env: Record<string, string> = {},
): Promise<StandaloneProcess> {
  const { child, output, ended } = launchStandalone(dataDirectory, env);
  await new Promise<void>((resolve, reject) => {
    const timer = setInterval(() => {
      if (output().includes('Stop with ^C')) finish(resolve);
    }, 20);
    const finish = (action: () => void) => {
      clearInterval(timer);
      action();
    };
    void ended.then((code) => finish(() => reject(new Error(`standalone ended with ${code}: ${output()}`))));
  });
  const endpoints = JSON.parse(await readFile(join(dataDirectory, 'endpoints.json'), 'utf8')) as Endpoints;
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    return ended;
  };
  stopAtEnd(async () => {
    await stop();
  });
  return {
    process: child,
    dataDirectory,
    endpoints,
    output,
    credential: async (organization, name) =>
      JSON.parse(await readFile(join(dataDirectory, 'credentials', `${organization}-${name}.json`), 'utf8')),
    residentMemory: async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
    },
    stop,
  };
}

/** Starts it without waiting: for starts that are meant to fail. */
export function launchStandalone(dataDirectory: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['src/main.ts', 'standalone'], {
    env: {
      PATH: process.env.PATH,
      PIING_DATA_DIR: dataDirectory,
      PIING_SFTP_PORT: '0',
      PIING_HTTP_PORT: '0',
      PIING_METRICS_PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const collect = (data: Buffer) => {
    output += data;
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  return { child, ended, output: () => output };
}
