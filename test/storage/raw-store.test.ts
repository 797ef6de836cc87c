import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { ListMultipartUploadsCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { createDirectoryStore } from '../../src/storage/directory-store.ts';
import { measuredStore } from '../../src/storage/measured-store.ts';
import {
  MAX_BUFFERED_BYTES,
  MAX_REMOVED_KEYS,
  ObjectNotFoundError,
  PART_BYTES,
  type RawStore,
  StoreUnavailableError,
} from '../../src/storage/raw-store.ts';
import { createS3Store } from '../../src/storage/s3-store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { newBucket, startS3, testS3 } from '../support/s3.ts';
import { temporaryDirectory } from '../support/servers.ts';

interface StoreUnderTest {
  readonly store: RawStore;
  /** Everything that lies in the store, unfinished uploads included. */
  contents(): Promise<string[]>;
  /** Makes the store fail from now on. */
  breakDown(): Promise<void>;
}

async function directoryUnderTest(): Promise<StoreUnderTest> {
  const directory = await temporaryDirectory('store');
  const { rm, writeFile } = await import('node:fs/promises');
  return {
    // As every process has it.
    store: measuredStore(createDirectoryStore(directory), createMetrics()),
    contents: async () => {
      const entries = await readdir(directory, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    },
    breakDown: async () => {
      await rm(directory, { recursive: true });
      await writeFile(directory, 'a file where the directory was');
    },
  };
}

async function s3UnderTest(): Promise<StoreUnderTest> {
  const server = await testS3();
  const bucket = await newBucket(server);
  return { ...(await inBucket(server, bucket)), breakDown: async () => undefined };
}

async function inBucket(
  server: Awaited<ReturnType<typeof startS3>>,
  bucket: string,
): Promise<Omit<StoreUnderTest, 'breakDown'>> {
  return {
    store: measuredStore(createS3Store(server.client, bucket, 'some/prefix'), createMetrics()),
    contents: async () => {
      const objects = await server.client.send(new ListObjectsV2Command({ Bucket: bucket }));
      const uploads = await server.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      const unfinished = (uploads.Uploads ?? []).map((upload) => `${upload.Key} (unfinished)`);
      return [...(objects.Contents ?? []).map((object) => object.Key ?? ''), ...unfinished];
    },
  };
}

async function breakableS3(): Promise<StoreUnderTest> {
  const server = await startS3();
  const bucket = await newBucket(server);
  return { ...(await inBucket(server, bucket)), breakDown: server.kill };
}

async function readAll(store: RawStore, key: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await store.read(key)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function put(store: RawStore, key: string): Promise<void> {
  const writer = store.create(key);
  await writer.write(Buffer.from('x'));
  await writer.complete();
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

for (const [name, open, breakable] of [
  ['directory', directoryUnderTest, directoryUnderTest],
  ['S3', s3UnderTest, breakableS3],
] as const) {
  describe(`The ${name} store`, function () {
    this.timeout(300_000);
    let under: StoreUnderTest;

    before(async () => {
      under = await open();
    });

    for (const size of [
      1,
      1000,
      256 * 1024,
      PART_BYTES - 1,
      PART_BYTES,
      PART_BYTES + 1,
      2 * PART_BYTES + 12_345,
    ]) {
      it(`returns ${size} bytes as they were written, in pieces of any size`, async () => {
        const bytes = randomBytes(size);
        const key = `raw/org/type/2026/02/20/${size}.csv`;
        const writer = under.store.create(key);
        for (let at = 0, piece = 1; at < size; at += piece, piece = ((piece * 7) % 300_000) + 1) {
          await writer.write(bytes.subarray(at, at + piece));
        }
        await writer.complete();
        assert.equal(sha256(await readAll(under.store, key)), sha256(bytes));
        assert.equal(writer.bufferedBytes, 0);
      });
    }

    it('takes a copy: the caller may use its buffer again', async () => {
      const buffer = Buffer.alloc(10, 'a');
      const writer = under.store.create('raw/copy.csv');
      await writer.write(buffer);
      buffer.fill('b');
      await writer.complete();
      assert.equal((await readAll(under.store, 'raw/copy.csv')).toString(), 'aaaaaaaaaa');
    });

    it('never holds more than two parts in memory', async () => {
      const writer = under.store.create('raw/large.csv');
      const chunk = randomBytes(100_001);
      let most = 0;
      for (let count = 0; count < 400; count += 1) {
        await writer.write(chunk);
        most = Math.max(most, writer.bufferedBytes);
      }
      await writer.complete();
      assert.ok(most > 0 && most <= MAX_BUFFERED_BYTES, `${most} bytes were buffered`);
    });

    it('shows nothing of an object before it is complete', async () => {
      const writer = under.store.create('raw/early.csv');
      await writer.write(randomBytes(PART_BYTES + 1));
      await assert.rejects(under.store.read('raw/early.csv'), ObjectNotFoundError);
      await writer.abort();
    });

    it('leaves nothing of an aborted object, however far it had come', async () => {
      const before = await under.contents();
      for (const size of [10, PART_BYTES + 1, 3 * PART_BYTES]) {
        const writer = under.store.create(`raw/aborted-${size}.csv`);
        await writer.write(randomBytes(size));
        await writer.abort();
      }
      const complete = under.store.create('raw/aborted-complete.csv');
      await complete.write(Buffer.from('x'));
      await complete.complete();
      await complete.abort();
      assert.deepEqual((await under.contents()).sort(), before.sort());
    });

    it('leaves the complete object of another writer where it is asked to', async () => {
      const key = 'raw/two-writers.csv';
      const first = under.store.create(key);
      await first.write(Buffer.from('whole'));
      const second = under.store.create(key);
      await second.write(Buffer.from('half'));
      await first.complete();
      assert.equal(await second.abort('keep'), true);
      assert.equal((await readAll(under.store, key)).toString(), 'whole');
      assert.equal(await second.abort(), true);
      await assert.rejects(under.store.read(key), /has no object/);
    });

    it('discards what a dead process left: the object, or the parts of one', async () => {
      const before = await under.contents();
      const unfinished = under.store.create('raw/unfinished.csv');
      await unfinished.write(randomBytes(2 * PART_BYTES));
      await unfinished.write(randomBytes(PART_BYTES));
      const finished = under.store.create('raw/finished.csv');
      await finished.write(Buffer.from('x'));
      await finished.complete();
      assert.ok((await under.contents()).length > before.length);
      await under.store.discard('raw/unfinished.csv');
      await under.store.discard('raw/finished.csv');
      await under.store.discard('raw/never-there.csv');
      assert.deepEqual((await under.contents()).sort(), before.sort());
      await unfinished.abort();
    });

    it('removes the objects that it is told to, there or not, and no others', async () => {
      const keys = ['a', 'b', 'c'].map((name) => `raw/org/type/2026/02/21/${name}.csv`);
      for (const key of keys) await put(under.store, key);
      await under.store.remove([...keys.slice(0, 2), 'raw/org/never-there.csv']);
      await under.store.remove([]);
      await assert.rejects(under.store.read(keys[0] ?? ''), ObjectNotFoundError);
      await assert.rejects(under.store.read(keys[1] ?? ''), ObjectNotFoundError);
      assert.equal((await readAll(under.store, keys[2] ?? '')).toString(), 'x');
    });

    it('removes everything below a prefix, unfinished objects too, and nothing of a longer name', async () => {
      await put(under.store, 'raw/blue-bistro/type/2026/02/20/kept.csv');
      const before = await under.contents();
      for (let count = 0; count < 1_050; count += 1)
        await put(under.store, `raw/blue/type/2026/02/${count % 28}/${count}.csv`);
      const unfinished = under.store.create('raw/blue/type/2026/02/20/unfinished.csv');
      await unfinished.write(randomBytes(PART_BYTES));
      await unfinished.write(randomBytes(PART_BYTES));
      const pages: number[] = [];
      for await (const removed of under.store.removeBelow('raw/blue/')) pages.push(removed);
      assert.equal(
        pages.reduce((sum, removed) => sum + removed, 0),
        1_051,
      );
      assert.ok(Math.max(...pages) <= MAX_REMOVED_KEYS);
      assert.deepEqual((await under.contents()).sort(), before.sort());
      assert.equal((await readAll(under.store, 'raw/blue-bistro/type/2026/02/20/kept.csv')).toString(), 'x');
      for await (const removed of under.store.removeBelow('raw/blue/'))
        assert.equal(removed, 0, 'nothing is left');
      await unfinished.abort();
    });

    it('lists the complete objects below a prefix, with their sizes and times, and no unfinished ones', async () => {
      for (const name of ['b', 'a', 'deep/er/c']) {
        const writer = under.store.create(`listed/${name}.csv`);
        await writer.write(Buffer.from(name));
        await writer.complete();
      }
      const unfinished = under.store.create('listed/unfinished.csv');
      await unfinished.write(randomBytes(9 * 1024 * 1024));
      const pages = await Array.fromAsync(under.store.list('listed/'));
      const objects = pages.flat();
      assert.deepEqual(objects.map(({ key }) => key).toSorted(), [
        'listed/a.csv',
        'listed/b.csv',
        'listed/deep/er/c.csv',
      ]);
      assert.ok(objects.every(({ modifiedAt }) => Math.abs(Date.now() - modifiedAt.getTime()) < 60_000));
      assert.equal(objects.find(({ key }) => key.endsWith('c.csv'))?.sizeBytes, 9);
      assert.deepEqual((await Array.fromAsync(under.store.list('nothing/'))).flat(), []);
      await unfinished.abort();
    });

    it('refuses a prefix that would take the files of others', () => {
      for (const prefix of ['raw/blue', '', '/', 'raw//'])
        assert.throws(() => under.store.removeBelow(prefix), /has to end in one slash/);
    });

    it('says which object is missing', async () => {
      await assert.rejects(under.store.read('raw/missing.csv'), (error: Error) => {
        assert.ok(error instanceof ObjectNotFoundError);
        assert.match(error.message, /raw\/missing\.csv/);
        return true;
      });
    });

    it('is ready when it can be written', () => under.store.check());

    it('says that it is unavailable when it fails, and is not ready', async () => {
      const broken = await breakable();
      const writer = broken.store.create('raw/failing.csv');
      await writer.write(Buffer.from('first'));
      await broken.breakDown();
      await assert.rejects(async () => {
        await writer.write(randomBytes(3 * PART_BYTES));
        await writer.complete();
      }, StoreUnavailableError);
      await writer.abort();
      await assert.rejects(broken.store.check());
    });
  });
}

describe('The directory store', () => {
  it('refuses keys that leave the directory', async () => {
    const store = createDirectoryStore(await temporaryDirectory('store'));
    assert.throws(() => store.create('../outside.csv'), /leaves the store/);
  });
});

describe('A measured store', () => {
  it('takes several pieces at once, and counts what succeeded, what failed and how long it took', async () => {
    const { store, breakDown } = await directoryUnderTest();
    const metrics = createMetrics();
    const measured = measuredStore(store, metrics);
    const writer = measured.create('raw/a.csv');
    await writer.write(Buffer.from('one,'), Buffer.from('two,'), Buffer.from('three'));
    await writer.complete();
    const bytes = Buffer.concat(await (await measured.read('raw/a.csv')).toArray());
    assert.equal(bytes.toString(), 'one,two,three');
    await assert.rejects(measured.read('raw/b.csv'), ObjectNotFoundError);
    await breakDown();
    const broken = measured.create('raw/c.csv');
    await assert.rejects(
      broken.write(randomBytes(1024 * 1024)).then(() => broken.complete()),
      StoreUnavailableError,
    );
    const { values } = await metrics.storeSeconds.get();
    const done = values.filter(({ metricName }) => metricName?.endsWith('_count'));
    assert.deepEqual(
      done.map(({ labels, value }) => [labels.operation, value]),
      [
        ['complete', 1],
        ['read', 1],
        ['discard', 0],
      ],
    );
    const failures = (await metrics.storeFailures.get()).values;
    assert.equal(
      failures.reduce((sum, { value }) => sum + value, 0),
      1,
    );
  });
});
