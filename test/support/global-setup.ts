import { stopTestServers } from './servers.ts';

/** Servers start when a suite first asks for them; whatever was started is stopped here. */
export async function mochaGlobalTeardown(): Promise<void> {
  await stopTestServers();
}
