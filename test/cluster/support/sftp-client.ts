import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Ran, run } from '../../support/run.ts';
import type { Node } from './node.ts';
import type { Tenant } from './tenant.ts';

/** OpenSSH's sftp outside of the cluster, connected to the load balancer's address. */
export interface SftpClient {
  /** Puts a local file; `limit` is in kilobits in a second, so that it takes its time. */
  put(file: string, limit?: number): Promise<Ran>;
  /** Writes files with this content by their names, and puts them in one session, with a pause after each. */
  putContents(files: ReadonlyMap<string, string>, pauseSeconds?: number): Promise<Ran>;
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
    putContents: async (contents, pauseSeconds = 0) => {
      await mkdir(files, { recursive: true });
      const commands: string[] = [];
      for (const [name, content] of contents) {
        await writeFile(join(files, name), content);
        commands.push(putCommand(join(files, name)));
      }
      return batch(commands.join(pauseSeconds > 0 ? `!sleep ${pauseSeconds}\n` : ''));
    },
  };
}

const putCommand = (file: string) => `put ${file} orgTransactions/\n`;
