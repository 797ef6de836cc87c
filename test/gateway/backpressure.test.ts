import assert from 'node:assert/strict';
import { createDirectoryStore } from '../../src/storage/directory-store.ts';
import type { RawStore } from '../../src/storage/raw-store.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { startTestGateway, type TestGateway, until } from '../support/gateway.ts';
import { temporaryDirectory } from '../support/servers.ts';

const MIB = 1024 * 1024;

describe('A store slower than the client', function () {
  this.timeout(60_000);
  let gateway: TestGateway;
  let letThrough: () => void;

  before(async () => {
    const directory = createDirectoryStore(await temporaryDirectory('slow'));
    const opened = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    // A real store cannot be told to hang and go on at a moment of the test's choosing.
    const store: RawStore = {
      ...directory,
      create: (key) => {
        const writer = directory.create(key);
        return {
          get bufferedBytes() {
            return writer.bufferedBytes;
          },
          write: async (...chunks) => {
            await opened;
            await writer.write(...chunks);
          },
          complete: () => writer.complete(),
          abort: () => writer.abort(),
        };
      },
    };
    gateway = await startTestGateway({ store, withWorker: false });
  });
  after(() => {
    letThrough();
    return gateway.close();
  });

  it('holds the replies and the bytes back, and the file is whole when it goes on', async () => {
    const tenant = await gateway.tenant();
    const sftp = await gateway.connect(tenant);
    const handle = await sftp.openHandle('/orgTransactions/large.csv');
    const head = Buffer.from(transactionsCsv(200));
    const replies = [sftp.write(handle, 0, head)];
    const piece = Buffer.alloc(64 * 1024, 'x');
    for (let count = 0; count < 256; count += 1)
      replies.push(sftp.write(handle, head.length + count * piece.length, piece));
    let answered = 0;
    for (const reply of replies) void reply.then(() => (answered += 1));
    const waitingBytes = async () => (await gateway.metrics.sftpBufferedBytes.get()).values[0]?.value ?? 0;
    await until(async () => ((await waitingBytes()) > 0.5 * MIB ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert.equal(answered, 0, 'no reply before the store has taken the bytes');
    const received =
      (await gateway.metrics.receivedBytes.get()).values.find((value) => value.labels.source === 'sftp')
        ?.value ?? 0;
    assert.ok(received <= 0.6 * MIB, `${received} bytes are being handled`);
    const waiting = await waitingBytes();
    assert.ok(waiting < 2.5 * MIB, `${waiting} bytes wait in the gateway`);
    // What the server does not take, the client still holds; some is on its way, in the kernel's buffers.
    assert.ok(
      sftp.channel.writableLength > 9 * MIB,
      `${sftp.channel.writableLength} bytes wait in the client`,
    );
    // A last WRITE as long as the others, and no line break: that would be a transfer that was interrupted.
    replies.push(sftp.write(handle, head.length + 256 * piece.length, Buffer.from('x\n')));
    letThrough();
    for (const reply of await Promise.all(replies))
      assert.ok(reply.type === 'status' && reply.code === 0, JSON.stringify(reply));
    const closed = await sftp.close(handle);
    assert.ok(closed.type === 'status' && closed.code === 0, JSON.stringify(closed));
    const [upload] = await gateway.uploads(tenant);
    assert.equal(upload?.sizeBytes, head.length + 256 * piece.length + 2);
    sftp.drop();
  });
});

describe('A client that sends all its requests before it reads a reply', function () {
  this.timeout(60_000);
  let gateway: TestGateway;

  before(async () => {
    gateway = await startTestGateway({ withWorker: false });
  });
  after(() => gateway.close());

  it('gets every reply: its window is seen to open again behind requests that still wait', async () => {
    const sftp = await gateway.connect(await gateway.tenant());
    const COUNT = 60_000;
    const missing = Promise.all(
      Array.from({ length: COUNT }, () => sftp.stat('/orgTransactions/not-there.csv')),
    );
    sftp.channel.pause();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    sftp.channel.resume();
    assert.equal((await missing).length, COUNT);
    assert.equal(await sftp.quit(), 0);
  });
});
