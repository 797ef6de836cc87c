import { spawn } from 'node:child_process';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { stopAtEnd } from '../../support/servers.ts';
import type { Namespaces } from './namespaces.ts';

const RELAY = join(import.meta.dirname, '..', 'node', 'relay.ts');

/** A port of 127.0.0.1 that leads to an address of the client's network, as from a client there. */
export async function startTunnel(
  { clientCommand }: Namespaces,
  host: string,
  port: number,
): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as AddressInfo;
  const relay = spawn(...clientCommand(process.execPath, [RELAY, host, String(port)]), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  stopAtEnd(async () => {
    relay.kill('SIGKILL');
  });
  await new Promise<void>((resolve, reject) =>
    relay.send('listen', server, (error) => (error ? reject(error) : resolve())),
  );
  // Only the relay is to answer.
  server.close();
  return own;
}
