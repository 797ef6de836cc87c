import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { StartupError } from '../support/listen.ts';

/** A private host key and the public half that administrators hand to tenants for known_hosts. */
export interface HostKey {
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…` */
  readonly publicKey: string;
}

/** @throws {StartupError} when a file is missing or is no private key */
export async function loadHostKeys(paths: readonly string[]): Promise<HostKey[]> {
  return Promise.all(
    paths.map(async (path) => {
      const privateKey = await readFile(path, 'utf8').catch((error: Error) => {
        throw new StartupError(`The SSH host key ${path} cannot be read: ${error.message}`);
      });
      return { privateKey, publicKey: publicHalf(privateKey, path) };
    }),
  );
}

/** Loads the keys kept in a directory, generating those that are missing: clients remember them. */
export async function keepHostKeys(directory: string): Promise<HostKey[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const paths = [join(directory, 'ssh_host_ed25519_key'), join(directory, 'ssh_host_rsa_key')];
  for (const path of paths) {
    const privateKey = path.includes('ed25519')
      ? () => ssh2.utils.generateKeyPairSync('ed25519').private
      : () => ssh2.utils.generateKeyPairSync('rsa', { bits: 3072 }).private;
    await writeIfAbsent(path, privateKey);
  }
  return loadHostKeys(paths);
}

async function writeIfAbsent(path: string, content: () => string): Promise<void> {
  if (await readFile(path).catch(() => undefined)) return;
  await writeFile(path, content(), { mode: 0o600, flag: 'wx' });
  await chmod(path, 0o600);
}

function publicHalf(privateKey: string, path: string): string {
  const parsed = ssh2.utils.parseKey(privateKey);
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!key || key instanceof Error || !key.isPrivateKey()) {
    const reason = key instanceof Error ? key.message : 'it holds no private key';
    throw new StartupError(
      `The SSH host key ${path} cannot be used: ${reason}. Make one with: ssh-keygen -t ed25519 -N '' -f ${path}`,
    );
  }
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
}
