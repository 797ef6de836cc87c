import { createReadStream } from 'node:fs';
import {
  access,
  constants,
  type FileHandle,
  mkdir,
  open,
  opendir,
  rename,
  rm,
  rmdir,
} from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { syncDirectory } from '../support/write-durably.ts';
import {
  checkPrefix,
  MAX_REMOVED_KEYS,
  ObjectNotFoundError,
  type RawObjectWriter,
  type RawStore,
  StoreUnavailableError,
} from './raw-store.ts';

/** Small writes are gathered to this size: 256 KiB costs half the CPU of 32 KiB. */
const WRITE_BYTES = 256 * 1024;
/** Larger pieces make larger batches of rows, which outlive the young generation and swell the heap. */
const READ_BYTES = 64 * 1024;

/** A raw store in a directory of this machine: for standalone use and tests. */
export function createDirectoryStore(root: string): RawStore {
  const directory = resolve(root);
  const pathOf = (key: string) => {
    const path = join(directory, key);
    if (!path.startsWith(directory + sep))
      throw new Error(`Object key ${JSON.stringify(key)} leaves the store.`);
    return path;
  };
  return {
    location: directory,
    create: (key) => new DirectoryWriter(pathOf(key)),
    read: (key) => openForReading(pathOf(key), key),
    discard: async (key) => {
      await rm(partial(pathOf(key)), { force: true }).catch(rethrowAs(key));
      await rm(pathOf(key), { force: true }).catch(rethrowAs(key));
    },
    remove: async (keys) => {
      for (const key of keys) await rm(pathOf(key), { force: true }).catch(rethrowAs(key));
    },
    removeBelow: (prefix) => {
      checkPrefix(prefix);
      return removeTree(pathOf(prefix), prefix);
    },
    check: async () => {
      await mkdir(directory, { recursive: true });
      await access(directory, constants.W_OK);
    },
  };
}

const partial = (path: string) => `${path}.partial`;

function rethrowAs(key: string) {
  return (error: unknown): never => {
    throw new StoreUnavailableError(`The raw store failed for ${key}: ${(error as Error).message}`, {
      cause: error,
    });
  };
}

/** Writes beside the final name, syncs, renames: a crash leaves a `.partial` file and never half an object. */
class DirectoryWriter implements RawObjectWriter {
  readonly #path: string;
  readonly #buffer = Buffer.allocUnsafe(WRITE_BYTES);
  #used = 0;
  #file: FileHandle | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  get bufferedBytes(): number {
    return this.#used;
  }

  async write(chunk: Uint8Array): Promise<void> {
    let offset = 0;
    while (offset < chunk.length) {
      const taken = Math.min(chunk.length - offset, WRITE_BYTES - this.#used);
      this.#buffer.set(chunk.subarray(offset, offset + taken), this.#used);
      this.#used += taken;
      offset += taken;
      if (this.#used === WRITE_BYTES) await this.#flush();
    }
  }

  async complete(): Promise<void> {
    await this.#flush();
    try {
      const file = await this.#opened();
      await file.sync();
      await file.close();
      this.#file = undefined;
      await rename(partial(this.#path), this.#path);
      await syncDirectory(dirname(this.#path));
    } catch (error) {
      rethrowAs(this.#path)(error);
    }
  }

  async abort(): Promise<void> {
    this.#used = 0;
    await this.#file?.close().catch(() => undefined);
    this.#file = undefined;
    await rm(partial(this.#path), { force: true }).catch(() => undefined);
    await rm(this.#path, { force: true }).catch(() => undefined);
  }

  async #opened(): Promise<FileHandle> {
    if (!this.#file) {
      const firstCreated = await mkdir(dirname(this.#path), { recursive: true });
      if (firstCreated) await syncNewDirectories(firstCreated, dirname(this.#path));
      this.#file = await open(partial(this.#path), 'w', 0o600);
    }
    return this.#file;
  }

  async #flush(): Promise<void> {
    try {
      const file = await this.#opened();
      for (let from = 0; from < this.#used; ) {
        const { bytesWritten } = await file.write(this.#buffer, from, this.#used - from);
        from += bytesWritten;
      }
      this.#used = 0;
    } catch (error) {
      rethrowAs(this.#path)(error);
    }
  }
}

/** A new directory survives a power cut only when its parent has been synced too. */
async function syncNewDirectories(first: string, last: string): Promise<void> {
  for (let path = last; path.length >= first.length; path = dirname(path)) await syncDirectory(dirname(path));
}

/** File by file, so that a directory of millions is neither read into memory nor removed in one call of minutes. */
async function* removeTree(path: string, key: string): AsyncGenerator<number> {
  let removed = 0;
  try {
    for await (const entry of await opendir(path)) {
      if (entry.isDirectory()) {
        yield* removeTree(join(path, entry.name), `${key}${entry.name}/`);
      } else {
        await rm(join(path, entry.name), { force: true });
        removed += 1;
        if (removed % MAX_REMOVED_KEYS === 0) yield MAX_REMOVED_KEYS;
      }
    }
    yield removed % MAX_REMOVED_KEYS;
    await rmdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Absent, or somebody has just written into it: neither is a fault of the store.
    if (code === 'ENOENT' || code === 'ENOTEMPTY') return;
    rethrowAs(key)(error);
  }
}

async function openForReading(path: string, key: string): Promise<Readable> {
  try {
    const file = await open(path, 'r');
    return createReadStream('', { fd: file, highWaterMark: READ_BYTES });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new ObjectNotFoundError(`The raw store has no object ${key}.`, { cause: error });
    }
    return rethrowAs(key)(error);
  }
}
