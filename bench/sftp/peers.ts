import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort, stopAtEnd } from '../../test/support/servers.ts';

/** A server under measurement, and how to log in to it. */
export interface Peer {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly user: string;
  /** Either of the two. */
  readonly password?: string;
  readonly keyFile?: string;
  /** Where files are put. */
  readonly folder: string;
}

const NOBODY = 65_534;

/** OpenSSH's sshd with its own SFTP server in the process, as Debian ships it; logs in by key. */
export async function startSshd(directory: string): Promise<Peer> {
  const port = await freePort();
  const hostKey = await makeKey(join(directory, 'host'));
  const keyFile = await makeKey(join(directory, 'user'));
  const folder = await uploadFolder(directory);
  const config = join(directory, 'sshd_config');
  await mkdir('/run/sshd', { recursive: true });
  await writeFile(
    config,
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${keyFile}.pub`,
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
      'PidFile none',
      'MaxStartups 2000:30:2000',
      'Subsystem sftp internal-sftp',
    ].join('\n'),
  );
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], { stdio: 'ignore' });
  await listening(child, port);
  return { name: 'sshd', pid: child.pid ?? 0, port, user: process.env.USER ?? 'root', keyFile, folder };
}

/** ProFTPD with mod_sftp; logs in by a password with a cheap hash. */
export async function startProftpd(directory: string): Promise<Peer> {
  const port = await freePort();
  const hostKey = await makeKey(join(directory, 'host'));
  const folder = await uploadFolder(directory);
  const password = 'bench';
  const hash = spawnSync('openssl', ['passwd', '-1', password], { encoding: 'utf8' }).stdout.trim();
  const users = join(directory, 'users');
  await writeFile(users, `bench:${hash}:${NOBODY}:${NOBODY}::${folder}:/bin/sh\n`, { mode: 0o600 });
  const config = join(directory, 'proftpd.conf');
  await writeFile(
    config,
    [
      'ModulePath /usr/lib/proftpd',
      'LoadModule mod_sftp.c',
      'ServerType standalone',
      'DefaultAddress 127.0.0.1',
      `Port ${port}`,
      'UseReverseDNS off',
      'MaxInstances 2000',
      'User nobody',
      'Group nogroup',
      'WtmpLog off',
      'TransferLog none',
      'SystemLog none',
      `PidFile ${join(directory, 'pid')}`,
      `ScoreboardFile ${join(directory, 'scoreboard')}`,
      'RequireValidShell off',
      'AuthOrder mod_auth_file.c',
      `AuthUserFile ${users}`,
      'SFTPEngine on',
      `SFTPHostKey ${hostKey}`,
      'SFTPAuthMethods password',
      'AllowOverwrite on',
    ].join('\n'),
  );
  const child = spawn('/usr/sbin/proftpd', ['-n', '-q', '-c', config], { stdio: 'ignore' });
  await listening(child, port);
  return { name: 'ProFTPD', pid: child.pid ?? 0, port, user: 'bench', password, folder };
}

async function makeKey(file: string): Promise<string> {
  spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  await chmod(file, 0o600);
  return file;
}

async function uploadFolder(directory: string): Promise<string> {
  await chmod(directory, 0o755);
  const folder = join(directory, 'uploads');
  await mkdir(folder);
  await chown(folder, NOBODY, NOBODY);
  await chmod(folder, 0o777);
  return folder;
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  stopAtEnd(async () => {
    child.kill('SIGTERM');
  });
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${child.spawnfile} does not listen`);
}
