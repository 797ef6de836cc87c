import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { StartupError } from '../../support/listen.ts';

/**
 * ssh2's native addon aborts Node 24 when it collects a closed session's ciphers, so a process that has it
 * would die with every tenant's upload. The JavaScript path is as fast.
 * @throws {StartupError} when the addon has been built
 */
export function refuseSsh2Addon(addon = whereItIsBuilt()): void {
  if (!existsSync(addon)) return;
  throw new StartupError(
    `ssh2's native addon crashes Node 24. Remove ${dirname(dirname(addon))} and install with --ignore-scripts.`,
  );
}

function whereItIsBuilt(): string {
  const ssh2 = dirname(createRequire(import.meta.url).resolve('ssh2/package.json'));
  return join(ssh2, 'lib/protocol/crypto/build/Release/sshcrypto.node');
}
