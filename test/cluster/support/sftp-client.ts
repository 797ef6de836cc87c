import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ran, run } from '../../support/run.ts';
import type { Node } from './node.ts';
import type { Tenant } from './tenant.ts';

/** OpenSSH's sftp outside of the cluster, connected to the load balancer's address. */
export interface SftpClient {
  /** Puts a local file; `limit` is in kilobits in a second, so that it takes its time. */
  put(file: string, limit?: number): Promise<Ran>;
  /** Writes files with this content by their names, and puts them one after the other in one session. */
  putContents(files: ReadonlyMap<string, string>): Promise<Ran>;
  batch(commands: string, options?: readonly string[]): Promise<Ran>;
}

export function sftpClient(node: Node, address: string, { clientId, clientSecret }: Tenant): SftpClient {
  const files = join(node.directory, 'files');
  const known = join(node.directory, 'known_hosts');
  // The first value of an option counts: -b would turn the password off. A key that changes is refused, also when the
  // address has changed.
  const options = [
    '-oBatchMode=no',
    '-oHostKeyAlias=gateway.example',
    '-oStrictHostKeyChecking=accept-new',
    `-oUserKnownHostsFile=${known}`,
  ];
  const patience = [
    '-oConnectTimeout=20',
    '-oServerAliveInterval=5',
    '-oServerAliveCountMax=4',
    '-oLogLevel=ERROR',
  ];
  const batch = (commands: string, further: readonly string[] = []) =>
    run(
      ...node.clientCommand('sshpass', [
        ...['-e', 'sftp', ...options, ...patience, ...further, '-b', '-', '-P', '2222'],
        `${clientId}@${address}`,
      ]),
      { input: commands, env: { SSHPASS: clientSecret }, timeoutMs: 300_000 },
    );
  return {
    batch,
    put: (file, limit) => batch(putCommand(file), limit ? ['-l', String(limit)] : []),
    putContents: async (contents) => {
      await mkdir(files, { recursive: true });
      const commands: string[] = [];
      for (const [name, content] of contents) {
        await writeFile(join(files, name), content);
        commands.push(putCommand(join(files, name)));
      }
      return batch(commands.join(''));
    },
  };
}

const putCommand = (file: string) => `put ${file} orgTransactions/\n`;

/** A session in which a client put some files, and did it a second time if the first one failed. */
export interface SteadySession {
  /** Of its files. */
  readonly numbers: readonly number[];
  /** What sftp said each time that it failed. */
  readonly failures: readonly string[];
  readonly acknowledged: boolean;
}

export interface SteadyClient {
  /** Ends after the session that is under way. */
  stop(): Promise<readonly SteadySession[]>;
}

/**
 * Keeps putting files, as a till does: some in each session, one session after the other. `content` makes a file by its
 * number, and numbers go up from `first`.
 */
export function putSteadily(
  client: SftpClient,
  { first, filesInSession, content }: SteadyOptions,
): SteadyClient {
  const sessions: SteadySession[] = [];
  let going = true;
  const loop = (async () => {
    for (let number = first; going; number += filesInSession) {
      const numbers = Array.from({ length: filesInSession }, (_, index) => number + index);
      sessions.push(await putWithRetry(client, numbers, content));
      await sleep(200);
    }
  })();
  return {
    async stop() {
      going = false;
      await loop;
      return sessions;
    },
  };
}

export interface SteadyOptions {
  readonly first: number;
  readonly filesInSession: number;
  readonly content: (number: number) => string;
}

async function putWithRetry(
  client: SftpClient,
  numbers: readonly number[],
  content: (number: number) => string,
): Promise<SteadySession> {
  const failures: string[] = [];
  const files = new Map(numbers.map((number) => [`steady-${number}.csv`, content(number)]));
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    const { code, stdout, stderr } = await client.putContents(files);
    if (code === 0) return { numbers, failures, acknowledged: true };
    failures.push(`${stderr}${stdout}`.trim());
    await sleep(1_000);
  }
  return { numbers, failures, acknowledged: false };
}
