import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { measuredStore } from '../../src/storage/measured-store.ts';
import {
  LEAST_PART_MEMORY_BYTES,
  MemoryTakenError,
  PartMemory,
  type PartMemoryOptions,
  type Shortage,
} from '../../src/storage/part-memory.ts';
import { PART_BYTES, type RawObjectWriter, type RawStore } from '../../src/storage/raw-store.ts';
import { createS3Store, FIRST_BUFFER_BYTES } from '../../src/storage/s3-store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { startTestGateway, until } from '../support/gateway.ts';
import type { RawSftp, Reply } from '../support/raw-sftp.ts';
import { newBucket, testS3 } from '../support/s3.ts';

const MIB = 1024 * 1024;
const PIECE = 64 * 1024;
const bytes = randomBytes(20 * MIB);
const sha256 = (content: Uint8Array) => createHash('sha256').update(content).digest('hex');

/** A bucket of its own, the memory that its writers share, and what a shortage of it made them do. */
async function withMemory(options: Partial<PartMemoryOptions> = {}) {
  const server = await testS3();
  const bucket = await newBucket(server);
  const shortages: Shortage[] = [];
  const memory = new PartMemory({
    limitBytes: LEAST_PART_MEMORY_BYTES,
    onShortage: (shortage) => shortages.push(shortage),
    ...options,
  });
  const store = measuredStore(createS3Store(server.client, bucket, '', memory), createMetrics());
  const unfinished = async () => {
    const { Uploads = [] } = await server.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
    return Uploads.map(({ Key }) => Key);
  };
  return { memory, store, shortages, unfinished };
}

async function fill(writer: RawObjectWriter, content: Uint8Array, look = () => undefined as unknown) {
  for (let at = 0; at < content.length; at += PIECE) {
    await writer.write(content.subarray(at, at + PIECE));
    look();
    // As from a socket: others get their turn.
    await new Promise(setImmediate);
  }
}

async function stored(store: RawStore, key: string): Promise<string> {
  return sha256(Buffer.concat(await (await store.read(key)).toArray()));
}

describe('The memory of files on their way to S3', function () {
  this.timeout(120_000);

  it('is shared by many large files at once within its limit, and each gets there whole', async () => {
    const { memory, store, shortages } = await withMemory();
    const FILES = 12;
    const writers = Array.from({ length: FILES }, (_, index) => store.create(`many/${index}.csv`));
    // Each of another length, and none of whole parts.
    const content = (index: number) => bytes.subarray(index, (9 + (index % 4) * 3) * MIB + index);
    let most = 0;
    const look = () => {
      const buffered = writers.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0);
      most = Math.max(most, memory.heldBytes);
      assert.ok(memory.heldBytes <= memory.limitBytes, `${memory.heldBytes} bytes are held`);
      assert.ok(buffered <= memory.limitBytes + FILES * FIRST_BUFFER_BYTES, `${buffered} are buffered`);
    };
    await Promise.all(
      writers.map(async (writer, index) => {
        await fill(writer, content(index), look);
        await writer.complete();
      }),
    );
    for (const index of writers.keys())
      assert.equal(await stored(store, `many/${index}.csv`), sha256(content(index)), `file ${index}`);
    assert.ok(most > memory.limitBytes - PART_BYTES, `${most} bytes were held at the most`);
    assert.ok(shortages.includes('waited'));
    assert.ok(!shortages.includes('taken_away'), 'nobody stalled');
    assert.equal(memory.heldBytes, 0);
  });

  it('is given out in the order in which it was asked for', async () => {
    const { memory, store } = await withMemory();
    const holders = [store.create('held/1.csv'), store.create('held/2.csv')];
    for (const holder of holders) await holder.write(bytes.subarray(0, PART_BYTES - 1));
    const served: number[] = [];
    const waiting = [1, 2, 3, 4].map(async (index) => {
      const writer = store.create(`queue/${index}.csv`);
      await fill(writer, bytes.subarray(0, 7 * MIB));
      served.push(index);
      await writer.complete();
    });
    await Promise.all(waiting);
    assert.deepEqual(served, [1, 2, 3, 4]);
    for (const holder of holders) await holder.abort();
    assert.equal(memory.heldBytes, 0);
  });

  it('is taken from the one whose client stalls, when others wait for it, and only from as many as needed', async () => {
    const { memory, store, shortages, unfinished } = await withMemory({ patienceMs: 300, idleMs: 300 });
    const stalled = [1, 2, 3].map((index) => store.create(`stalled/${index}.csv`));
    // Two in the middle of their first part, one of its second.
    for (const [index, writer] of stalled.entries())
      await writer.write(bytes.subarray(0, index === 1 ? 2 * PART_BYTES - 1 : PART_BYTES - 1));
    await until(async () => (memory.heldBytes >= memory.limitBytes - 3 ? true : undefined));
    const others = Array.from({ length: 3 }, async (_, index) => {
      const writer = store.create(`others/${index}.csv`);
      await fill(writer, bytes);
      await writer.complete();
    });
    await Promise.all(others);
    for (const index of others.keys())
      assert.equal(await stored(store, `others/${index}.csv`), sha256(bytes));
    assert.equal(shortages.filter((shortage) => shortage === 'taken_away').length, 1);
    const [first, second, third] = stalled as [RawObjectWriter, RawObjectWriter, RawObjectWriter];
    await assert.rejects(first.write(Buffer.from('x')), MemoryTakenError);
    await assert.rejects(first.complete(), MemoryTakenError);
    assert.equal(await first.abort(), true, 'nothing is left of it');
    for (const [writer, before] of [
      [second, 2 * PART_BYTES - 1],
      [third, PART_BYTES - 1],
    ] as const) {
      await writer.write(bytes.subarray(before, before + 1_000));
      await writer.complete();
      const key = `stalled/${writer === second ? 2 : 3}.csv`;
      assert.equal(await stored(store, key), sha256(bytes.subarray(0, before + 1_000)));
    }
    await assert.rejects(store.read('stalled/1.csv'), /has no object/);
    assert.deepEqual(await unfinished(), []);
    assert.equal(memory.heldBytes, 0);
  });

  it('is not kept by a drip: the waits for a client within one part count together', async () => {
    const { memory, store, shortages } = await withMemory({ patienceMs: 200, idleMs: 400 });
    const dripping = [1, 2, 3].map((index) => store.create(`dripping/${index}.csv`));
    for (const writer of dripping) await fill(writer, bytes.subarray(0, 7 * MIB));
    const refused: unknown[] = [];
    const drip = setInterval(() => {
      for (const writer of dripping) writer.write(Buffer.from('x')).catch((error) => refused.push(error));
    }, 50);
    const writer = store.create('quick.csv');
    await fill(writer, bytes);
    await writer.complete();
    await until(async () => (refused.length > 0 ? true : undefined));
    clearInterval(drip);
    assert.ok(refused[0] instanceof MemoryTakenError);
    assert.equal(shortages.filter((shortage) => shortage === 'taken_away').length, 1);
    for (const each of dripping) await each.abort();
    assert.equal(memory.heldBytes, 0);
  });

  it('stays with a client that stalls as long as nobody waits for it', async () => {
    const { memory, store, shortages } = await withMemory({ patienceMs: 50, idleMs: 50 });
    const writer = store.create('alone.csv');
    await writer.write(bytes.subarray(0, 7 * MIB));
    await new Promise((resolve) => setTimeout(resolve, 300));
    await writer.write(bytes.subarray(7 * MIB, 12 * MIB));
    await writer.complete();
    assert.equal(await stored(store, 'alone.csv'), sha256(bytes.subarray(0, 12 * MIB)));
    assert.deepEqual(shortages, []);
    assert.equal(memory.heldBytes, 0);
  });

  it('is nothing that a small file waits for', async () => {
    const { memory, store, shortages } = await withMemory({ patienceMs: 60_000 });
    const holders = [1, 2, 3].map((index) => store.create(`full/${index}.csv`));
    for (const holder of holders) await holder.write(bytes.subarray(0, PART_BYTES - 1));
    assert.ok(memory.heldBytes >= memory.limitBytes - 3);
    const small = store.create('small.csv');
    await small.write(bytes.subarray(0, FIRST_BUFFER_BYTES));
    await small.complete();
    assert.equal(await stored(store, 'small.csv'), sha256(bytes.subarray(0, FIRST_BUFFER_BYTES)));
    assert.deepEqual(shortages, []);
    for (const holder of holders) await holder.abort();
    assert.equal(memory.heldBytes, 0);
  });

  it('comes back from files whose parts the store does not take', async () => {
    const { client } = await testS3();
    const memory = new PartMemory({ limitBytes: LEAST_PART_MEMORY_BYTES });
    const store = createS3Store(client, 'no-such-bucket', '', memory);
    const files = Array.from({ length: 6 }, async (_, index) => {
      const writer = store.create(`${index}.csv`);
      await assert.rejects(fill(writer, bytes));
      await writer.abort();
    });
    await Promise.all(files);
    assert.equal(memory.heldBytes, 0);
  });
});

describe('SFTP clients whose files meet in the memory for S3', function () {
  this.timeout(120_000);

  it('all deliver their files, but for the one that stalls longest, which is told to send it again and can', async () => {
    const { memory, store, shortages } = await withMemory({ patienceMs: 3_000, idleMs: 1_000 });
    const gateway = await startTestGateway({ store, withWorker: false });
    try {
      const tenant = await gateway.tenant();
      const file = Buffer.from(transactionsCsv(60_000));
      assert.ok(file.length > PART_BYTES, `${file.length} bytes`);
      const slow = await Promise.all([1, 2, 3].map(() => gateway.connect(tenant)));
      const open: Buffer[] = [];
      for (const [index, sftp] of slow.entries()) {
        open.push(await sftp.openHandle(`/orgTransactions/slow-${index}.csv`));
        await send(sftp, open[index] as Buffer, file.subarray(0, 7 * MIB));
      }
      assert.ok(memory.heldBytes > memory.limitBytes - PART_BYTES);
      const quick = Array.from({ length: 4 }, async (_, index) => {
        const sftp = await gateway.connect(tenant);
        const handle = await sftp.openHandle(`/orgTransactions/quick-${index}.csv`);
        await send(sftp, handle, file);
        assertOk(await sftp.close(handle));
        assert.equal(await sftp.quit(), 0);
      });
      await Promise.all(quick);
      const lost = slow[0] as RawSftp;
      const refused = await lost.write(open[0] as Buffer, 7 * MIB, file.subarray(7 * MIB, 7 * MIB + PIECE));
      assert.ok(refused.type === 'status' && refused.code !== 0);
      assert.match(refused.message, /came slowly.*send the file again later/);
      const again = await lost.openHandle('/orgTransactions/again.csv');
      await send(lost, again, file);
      assertOk(await lost.close(again));
      for (const index of [1, 2]) {
        await send(slow[index] as RawSftp, open[index] as Buffer, file.subarray(7 * MIB), 7 * MIB);
        assertOk(await (slow[index] as RawSftp).close(open[index] as Buffer));
      }
      const uploads = await gateway.uploads(tenant);
      const received = uploads.filter(({ status }) => status === 'PENDING');
      assert.equal(received.length, 7);
      assert.ok(received.every((upload) => upload.sha256 === sha256(file)));
      const [abandoned] = uploads.filter(({ status }) => status === 'ABANDONED');
      assert.equal(abandoned?.errors[0]?.code, 'SERVICE_UNAVAILABLE');
      assert.equal(shortages.filter((shortage) => shortage === 'taken_away').length, 1);
      for (const sftp of slow) sftp.drop();
    } finally {
      await gateway.close();
    }
  });

  async function send(sftp: RawSftp, handle: Buffer, content: Buffer, offset = 0): Promise<void> {
    for (let at = 0; at < content.length; at += MIB) {
      const pieces = Array.from({ length: 32 }, (_, index) => at + index * 32 * 1024);
      const replies = pieces
        .filter((start) => start < content.length)
        .map((start) => sftp.write(handle, offset + start, content.subarray(start, start + 32 * 1024)));
      for (const reply of await Promise.all(replies)) assertOk(reply);
    }
  }

  const assertOk = (reply: Reply) =>
    assert.ok(reply.type === 'status' && reply.code === 0, JSON.stringify(reply));
});
