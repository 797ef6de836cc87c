import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildGoTools } from '../../tools/go-tools.mjs';
import type { Peer } from './peers.ts';

const SSH_OPTIONS = [
  '-oStrictHostKeyChecking=no',
  '-oUserKnownHostsFile=/dev/null',
  '-oLogLevel=ERROR',
  '-oKexAlgorithms=curve25519-sha256',
];

/** Puts a file with OpenSSH's sftp. Rejects when it fails. Resolves with the seconds from start to end. */
export async function sftpPut(
  peer: Peer,
  file: string,
  options: { readonly cipher: string; readonly name: string },
): Promise<number> {
  const args = [...SSH_OPTIONS, '-c', options.cipher, '-P', String(peer.port), '-b', '-'];
  const target = `${peer.user}@127.0.0.1`;
  const begun = performance.now();
  const input = `put ${file} ${peer.folder}/${options.name}\n`;
  if (peer.keyFile)
    await run('sftp', ['-oIdentitiesOnly=yes', '-i', peer.keyFile, ...args, target], { input });
  else
    await run('sshpass', ['-e', 'sftp', '-oBatchMode=no', ...args, target], {
      input,
      env: { SSHPASS: peer.password ?? '' },
    });
  return (performance.now() - begun) / 1_000;
}

/** Runs the Go client and returns the JSON that it prints. */
export async function gosftp<Result>(
  peer: Peer,
  command: readonly string[],
  flags: readonly string[],
): Promise<Result> {
  const { program, args, env } = gosftpCommand(peer, command, flags);
  return JSON.parse(await run(program, args, { env })) as Result;
}

export function gosftpCommand(peer: Peer, command: readonly string[], flags: readonly string[]) {
  const login = ['-addr', `127.0.0.1:${peer.port}`, '-user', peer.user, '-dir', peer.folder];
  const key = peer.keyFile ? ['-key', peer.keyFile] : [];
  return {
    program: join(buildGoTools('sftp-clients'), 'gosftp'),
    args: [...login, ...key, '-kex', 'curve25519-sha256', ...flags, ...command],
    env: { SFTP_PASSWORD: peer.password ?? '' },
  };
}

function run(
  program: string,
  args: readonly string[],
  options: { readonly input?: string; readonly env?: Record<string, string> },
): Promise<string> {
  const child = spawn(program, args, { env: { ...process.env, ...options.env } });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data: Buffer) => (output += data));
  child.stderr.on('data', (data: Buffer) => (errors += data));
  child.stdin.end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${program} ended with ${code}: ${errors}`)),
    );
  });
}
