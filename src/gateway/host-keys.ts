import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartupError } from '../support/listen.ts';
import { ssh2 } from './ssh2/index.ts';
import { sshString } from './ssh2/messages.ts';
import { withoutPkcs8 } from './ssh2/pkcs8.ts';

/** A private host key and the public half that administrators hand to tenants for known_hosts. */
export interface HostKey {
  readonly privateKey: string;
  /** `ssh-ed25519`, `ssh-rsa`, … */
  readonly type: string;
  /** `ssh-ed25519 AAAA…` */
  readonly publicKey: string;
  /** The public half as SSH sends it. */
  readonly publicBlob: Buffer;
  /** An SSH signature: its algorithm and its bytes. */
  sign(data: Buffer): Buffer;
}

/** @throws {StartupError} when a file is missing or is no private key */
export async function loadHostKeys(paths: readonly string[]): Promise<HostKey[]> {
  return Promise.all(
    paths.map(async (path) => {
      const privateKey = await readFile(path, 'utf8').catch((error: Error) => {
        throw new StartupError(`The SSH host key ${path} cannot be read: ${error.message}`);
      });
      return hostKey(privateKey, path);
    }),
  );
}

/** Loads the keys kept in a directory, generating those that are missing: clients remember them. */
export async function keepHostKeys(directory: string): Promise<HostKey[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const paths = [join(directory, 'ssh_host_ed25519_key'), join(directory, 'ssh_host_rsa_key')];
  for (const path of paths) {
    await writeIfAbsent(path, () => generateKey(path.includes('ed25519') ? 'ed25519' : 'rsa'));
  }
  return loadHostKeys(paths);
}

const GENERATION_TRIES = 20;

/** One in a few hundred ed25519 keys that ssh2 writes cannot be read again: a kept one would stop every start. */
function generateKey(type: 'ed25519' | 'rsa'): string {
  for (let attempt = 0; attempt < GENERATION_TRIES; attempt += 1) {
    const pair =
      type === 'rsa'
        ? ssh2.utils.generateKeyPairSync('rsa', { bits: 3072 })
        : ssh2.utils.generateKeyPairSync('ed25519');
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair.private;
  }
  throw new Error(`no usable ${type} host key in ${GENERATION_TRIES} tries`);
}

async function writeIfAbsent(path: string, content: () => string): Promise<void> {
  if (await readFile(path).catch(() => undefined)) return;
  await writeFile(path, content(), { mode: 0o600, flag: 'wx' });
  await chmod(path, 0o600);
}

function hostKey(content: string, path: string): HostKey {
  const privateKey = withoutPkcs8(content);
  const parsed = ssh2.utils.parseKey(privateKey);
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (!key || key instanceof Error || !key.isPrivateKey()) {
    const reason = key instanceof Error ? key.message : 'it holds no private key';
    throw new StartupError(
      `The SSH host key ${path} cannot be used: ${reason}. Make one with: ssh-keygen -t ed25519 -N '' -f ${path}`,
    );
  }
  const publicBlob = key.getPublicSSH();
  const isRsa = key.type === 'ssh-rsa';
  return {
    privateKey,
    type: key.type,
    publicKey: `${key.type} ${publicBlob.toString('base64')}`,
    publicBlob,
    sign: (data) =>
      Buffer.concat([
        sshString(isRsa ? 'rsa-sha2-512' : key.type),
        sshString(isRsa ? key.sign(data, 'sha512') : key.sign(data)),
      ]),
  };
}
