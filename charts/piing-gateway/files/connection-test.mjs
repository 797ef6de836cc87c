// Run by `helm test` in a pod: SFTP and HTTP say where the Services are. Ends with 1 when one does not answer.
import { connect } from 'node:net';

const PATIENCE_MS = 10_000;
/** What a load balancer sends first where the gateway expects it (PROXY protocol, version 1). */
const PROXY_HEADER = 'PROXY UNKNOWN\r\n';

function greeting(address, header) {
  const [host, port] = address.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port) }, () => socket.write(header));
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no greeting in time')));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without a greeting')));
    socket.once('data', (data) => {
      const [line] = data.toString('latin1').split('\r\n');
      if (line.startsWith('SSH-2.0-')) resolve(line);
      else reject(new Error(`answered ${JSON.stringify(line)}`));
      socket.destroy();
    });
  });
}

const checks = {
  SFTP: (address) => greeting(address, '').catch(() => greeting(address, PROXY_HEADER)),
  HTTP: async (address) => {
    const response = await fetch(`${address}/openapi.json`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    const { info } = await response.json();
    return `${response.status} ${info.title}`;
  },
};

for (const [name, check] of Object.entries(checks)) {
  const address = process.env[name];
  if (!address) continue;
  try {
    console.log(`${name} ${address}: ${await check(address)}`);
  } catch (error) {
    console.log(`${name} ${address}: ${error.message}${error.cause ? ` (${error.cause.message})` : ''}`);
    process.exitCode = 1;
  }
}
