import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Endpoints } from '../../src/commands/standalone-messages.ts';

export interface DemoGateway {
  readonly endpoints: Endpoints;
  /** Where its log goes. */
  readonly logFile: string;
  credentialFile(organization: string): string;
  credential(organization: string): Promise<Credential>;
  /** Resolves with the exit code when it has ended, by itself or by ^C. */
  readonly ended: Promise<number | null>;
  stop(): void;
}

export interface Credential {
  readonly client_id: string;
  readonly client_secret: string;
}

const CREDENTIALS: Readonly<Record<string, string>> = { 'blue-bistro': 'pos', 'corner-books': 'erp' };

/** Starts `piing standalone` on a data directory of its own, so that nothing mixes with `npm start`. */
export async function startGateway(directory: string): Promise<DemoGateway> {
  await mkdir(directory, { recursive: true });
  const logFile = join(directory, 'gateway.log');
  const child = spawn(process.execPath, ['src/main.ts', 'standalone'], {
    env: {
      PIING_METRICS_ORGANIZATIONS: '10',
      ...process.env,
      PIING_DATA_DIR: directory,
      PIING_LOG_FORMAT: 'json',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Not shown: new credentials are printed with their secrets, and a demo may have an audience.
  const log = createWriteStream(logFile, { mode: 0o600 });
  child.stderr.pipe(log);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await new Promise<void>((resolve, reject) => {
    let output = '';
    let errors = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data;
      if (output.includes('Stop with ^C')) resolve();
    });
    child.stderr.on('data', (data: Buffer) => {
      errors = `${errors}${data}`.slice(-2_000);
    });
    child.once('error', reject);
    void ended.then(() => reject(new Error(`The gateway could not be started. ${errors}`)));
  });
  const credentialFile = (organization: string) =>
    join(directory, 'credentials', `${organization}-${CREDENTIALS[organization]}.json`);
  return {
    endpoints: JSON.parse(await readFile(join(directory, 'endpoints.json'), 'utf8')) as Endpoints,
    logFile,
    credentialFile,
    credential: async (organization) =>
      JSON.parse(await readFile(credentialFile(organization), 'utf8')) as Credential,
    ended,
    stop: () => child.kill('SIGTERM'),
  };
}
