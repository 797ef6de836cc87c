// ssh2-sftp-client loads ssh2 by itself: the edits have to be in place before.
import '../../src/gateway/ssh2/index.ts';
import { stopTestServers } from './servers.ts';

/** Servers start when a suite first asks for them; whatever was started is stopped here. */
export async function mochaGlobalTeardown(): Promise<void> {
  await stopTestServers();
}
