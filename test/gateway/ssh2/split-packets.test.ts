import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { transactionsCsv } from '../../support/csv-files.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { RawSftp } from '../../support/raw-sftp.ts';

const WRITE_BYTES = 32 * 1024;

/** A connection on which every write arrives alone: ssh2 writes a packet and its MAC apart. */
async function piecemeal(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await new Promise((resolve) => socket.once('connect', resolve));
  const write = socket.write.bind(socket) as (bytes: Uint8Array, done: () => void) => boolean;
  let turn: Promise<void> = Promise.resolve();
  socket.write = ((bytes: Uint8Array) => {
    const copy = Buffer.from(bytes);
    turn = turn.then(async () => {
      await new Promise<void>((resolve) => write(copy, resolve));
      await new Promise((resolve) => setTimeout(resolve, 2));
    });
    return true;
  }) as Socket['write'];
  return socket;
}

describe('A packet that arrives in pieces', function () {
  this.timeout(60_000);
  let gateway: TestGateway;
  before(async () => {
    gateway = await startTestGateway({ withWorker: false, algorithms: 'compatible' });
  });
  after(() => gateway.close());

  for (const cipher of ['chacha20-poly1305@openssh.com', 'aes128-gcm@openssh.com', 'aes256-ctr'] as const) {
    it(`is read whole by ${cipher}, however its end is cut off`, async () => {
      const tenant = await gateway.tenant();
      const client = await RawSftp.connect({
        sock: await piecemeal(gateway.port),
        username: tenant.clientId,
        password: tenant.clientSecret,
        algorithms: { cipher: [cipher] },
      });
      const content = Buffer.from(transactionsCsv(3_000));
      const handle = await client.openHandle('/orgTransactions/pieces.csv');
      for (let at = 0; at < content.length; at += WRITE_BYTES)
        await client.write(handle, at, content.subarray(at, at + WRITE_BYTES));
      assert.deepEqual((await client.close(handle)).type, 'status');
      client.drop();
      const [upload] = await gateway.uploads(tenant);
      assert.equal(upload?.sizeBytes, content.length);
      assert.equal(upload?.status, 'PENDING');
    });
  }
});
