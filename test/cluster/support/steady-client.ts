import { setTimeout as sleep } from 'node:timers/promises';
import type { SftpClient } from './sftp-client.ts';

export interface SteadyPut {
  readonly number: number;
  /** What sftp said each time that this put failed. */
  readonly failures: readonly string[];
  readonly acknowledged: boolean;
}

export interface SteadyClient {
  /** Ends when the put that is under way is acknowledged. */
  stop(): Promise<readonly SteadyPut[]>;
}

export interface SteadyOptions {
  /** Numbers of files go up from here. */
  readonly first: number;
  readonly filesInSession: number;
  /** After each file, while the session stays. */
  readonly pauseSeconds?: number;
  /** Makes a file by its number. */
  readonly content: (number: number) => string;
}

const MOST_ATTEMPTS = 5;

/** Keeps putting files, as a till does: some in each session, and again from the one that failed. */
export function putSteadily(client: SftpClient, options: SteadyOptions): SteadyClient {
  const puts: SteadyPut[] = [];
  let going = true;
  const loop = (async () => {
    let next = options.first;
    let failures: string[] = [];
    while (going || failures.length > 0) {
      const { acknowledged, failure } = await session(client, options, next);
      for (let count = 0; count < acknowledged; count += 1, next += 1, failures = [])
        puts.push({ number: next, failures, acknowledged: true });
      if (failure !== undefined) failures.push(failure);
      if (failures.length === MOST_ATTEMPTS) {
        puts.push({ number: next, failures, acknowledged: false });
        next += 1;
        failures = [];
      }
      await sleep(failure === undefined ? 200 : 1_000);
    }
  })();
  return {
    async stop() {
      going = false;
      await loop;
      return puts;
    },
  };
}

/** How many of the files that begin with this number were acknowledged, and why the next one was not. */
async function session(
  client: SftpClient,
  { filesInSession, pauseSeconds, content }: SteadyOptions,
  first: number,
): Promise<{ acknowledged: number; failure?: string }> {
  const files = new Map<string, string>();
  for (let number = first; number < first + filesInSession; number += 1)
    files.set(`steady-${number}.csv`, content(number));
  const { code, stdout, stderr } = await client.putContents(files, pauseSeconds);
  if (code === 0) return { acknowledged: filesInSession };
  // sftp says each command as it begins it, and ends with the first one that fails.
  const begun = stdout.match(/^sftp> put /gm)?.length ?? 0;
  return { acknowledged: Math.max(0, begun - 1), failure: stderr.trim() || `exit code ${code}` };
}
