import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ran, run } from '../../support/run.ts';
import type { Node } from './node.ts';
import type { Tenant } from './tenant.ts';

/** OpenSSH's sftp outside of the cluster, connected to the load balancer's address. */
export interface SftpClient {
  /** Puts a local file, with a connection of its own. */
  put(file: string, options?: PutOptions): Promise<Ran>;
  /** Writes a file with this content and puts it under the name. */
  putContent(name: string, content: string, options?: PutOptions): Promise<Ran>;
  batch(commands: string, options?: readonly string[]): Promise<Ran>;
}

export interface PutOptions {
  readonly schemaType?: string;
  /** Kilobits in a second, so that an upload takes its time. */
  readonly limit?: number;
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
  const put = (file: string, { schemaType = 'orgTransactions', limit }: PutOptions = {}) =>
    batch(`put ${file} ${schemaType}/\n`, limit ? ['-l', String(limit)] : []);
  return {
    batch,
    put,
    putContent: async (name, content, putOptions) => {
      const file = join(files, name);
      await mkdir(files, { recursive: true });
      await writeFile(file, content);
      return put(file, putOptions);
    },
  };
}

export interface SteadyPut {
  readonly name: string;
  readonly number: number;
  /** What sftp said each time that it failed. */
  readonly failures: readonly string[];
  readonly acknowledged: boolean;
}

/**
 * Keeps putting small files one after the other, as a till does, and tries each a second time if the first one fails.
 * `content` makes a file by its number.
 */
export function putSteadily(client: SftpClient, prefix: string, content: (number: number) => string) {
  const puts: SteadyPut[] = [];
  let going = true;
  const loop = (async () => {
    for (let number = 1; going; number += 1) {
      puts.push(await putWithRetry(client, `${prefix}-${number}.csv`, number, content(number)));
      await sleep(200);
    }
  })();
  return {
    puts,
    /** Ends after the put that is under way. */
    async stop(): Promise<readonly SteadyPut[]> {
      going = false;
      await loop;
      return puts;
    },
  };
}

async function putWithRetry(
  client: SftpClient,
  name: string,
  number: number,
  content: string,
): Promise<SteadyPut> {
  const failures: string[] = [];
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    const { code, stdout, stderr } = await client.putContent(name, content);
    if (code === 0) return { name, number, failures, acknowledged: true };
    failures.push(`${stderr}${stdout}`.trim());
    await sleep(1_000);
  }
  return { name, number, failures, acknowledged: false };
}
