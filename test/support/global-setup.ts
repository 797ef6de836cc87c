// ssh2-sftp-client loads ssh2 by itself: the edits have to be in place before.
import '../../src/gateway/ssh2/index.ts';
import { stopTestServers } from './servers.ts';

/** How long what a test left open may take to end by itself. */
const PATIENCE_MS = 20_000;

/** Servers start when a suite first asks for them; whatever was started is stopped here. */
export async function mochaGlobalTeardown(): Promise<void> {
  await stopTestServers();
  // Runs only if something keeps the process alive; mocha has the exit code by then.
  setTimeout(() => {
    process.stderr.write(`Tests left open: ${process.getActiveResourcesInfo().join(', ')}\n`);
    process.exit();
  }, PATIENCE_MS).unref();
}
