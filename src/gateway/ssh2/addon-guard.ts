import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { StartupError } from '../../support/listen.ts';

/**
 * ssh2's native addon aborts Node 24 when it collects a closed session's ciphers, so a process that has it
 * would die with every tenant's upload. The JavaScript path is as fast.
 * @throws {StartupError} when the addon has been built
 */
export function refuseSsh2Addon(): void {
  const require = createRequire(import.meta.url);
  const addon = join(
    dirname(require.resolve('ssh2/package.json')),
    'lib/protocol/crypto/build/Release/sshcrypto.node',
  );
  if (existsSync(addon)) {
    throw new StartupError(
      `ssh2's native addon crashes Node 24. Remove ${dirname(dirname(addon))} and install with --ignore-scripts.`,
    );
  }
}
