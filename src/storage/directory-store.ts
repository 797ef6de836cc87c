import { createReadStream } from 'node:fs';
import {
  access,
  constants,
  type FileHandle,
  mkdir,
  open,
  opendir,
  readdir,
  rename,
  rm,
  rmdir,
  stat,
} from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { sharedSync, syncDirectory } from '../support/write-durably.ts';
import {
  checkPrefix,
  MAX_REMOVED_KEYS,
  ObjectNotFoundError,
  type RawObjectWriter,
  type RawStore,
  type StoredObject,
  StoreUnavailableError,
} from './raw-store.ts';

/** Small writes are gathered to this size: waking a thread of the pool for each costs more than the bytes. */
const WRITE_BYTES = 512 * 1024;
/** Most files of a shop are smaller. */
const FIRST_BUFFER_BYTES = 16 * 1024;
/** What one system call takes at most (IOV_MAX). */
const WRITE_PIECES = 1_024;
/** Larger pieces make larger batches of rows, which outlive the young generation and swell the heap. */
const READ_BYTES = 64 * 1024;

/** A raw store in a directory of this machine: for standalone use and tests. */
export function createDirectoryStore(root: string): RawStore {
  const directory = resolve(root);
  const sync = sharedSync(syncDirectory);
  const pathOf = (key: string) => {
    const path = join(directory, key);
    if (!path.startsWith(directory + sep))
      throw new Error(`Object key ${JSON.stringify(key)} leaves the store.`);
    return path;
  };
  return {
    location: directory,
    create: (key) => new DirectoryWriter(pathOf(key), sync),
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
    list: (prefix) => {
      checkPrefix(prefix);
      return listTree(pathOf(prefix), prefix);
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
  readonly #sync: (directory: string) => Promise<void>;
  /** Begins with what waits to be written. It is kept: a copy of its own for each piece makes work for the collector. */
  #buffer = Buffer.alloc(0);
  #waiting = 0;
  #file: FileHandle | undefined;

  constructor(path: string, sync: (directory: string) => Promise<void>) {
    this.#path = path;
    this.#sync = sync;
  }

  get bufferedBytes(): number {
    return this.#waiting;
  }

  async write(...chunks: readonly Uint8Array[]): Promise<void> {
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    // Enough for a write: what arrives now needs no copy.
    if (this.#waiting + bytes >= WRITE_BYTES) return this.#flush(chunks);
    this.#reserve(this.#waiting + bytes);
    for (const chunk of chunks) {
      this.#buffer.set(chunk, this.#waiting);
      this.#waiting += chunk.length;
    }
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.min(WRITE_BYTES, Math.max(FIRST_BUFFER_BYTES, 2 * bytes)));
    grown.set(this.#buffer.subarray(0, this.#waiting));
    this.#buffer = grown;
  }

  async complete(): Promise<void> {
    await this.#flush([]);
    try {
      const file = await this.#opened();
      await file.sync();
      await file.close();
      this.#file = undefined;
      await rename(partial(this.#path), this.#path);
      await this.#sync(dirname(this.#path));
    } catch (error) {
      rethrowAs(this.#path)(error);
    }
  }

  async abort(complete?: 'keep'): Promise<boolean> {
    this.#waiting = 0;
    await this.#file?.close().catch(() => undefined);
    this.#file = undefined;
    try {
      await rm(partial(this.#path), { force: true });
      if (complete !== 'keep') await rm(this.#path, { force: true });
      return true;
    } catch {
      return false;
    }
  }

  async #opened(): Promise<FileHandle> {
    this.#file ??= await this.#create().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      const firstCreated = await mkdir(dirname(this.#path), { recursive: true });
      if (firstCreated) await syncNewDirectories(firstCreated, dirname(this.#path));
      return this.#create();
    });
    return this.#file;
  }

  #create(): Promise<FileHandle> {
    return open(partial(this.#path), 'w', 0o600);
  }

  /** Writes what waits, and `more` after it. */
  async #flush(more: readonly Uint8Array[]): Promise<void> {
    try {
      const file = await this.#opened();
      let left = [this.#buffer.subarray(0, this.#waiting), ...more].filter(({ length }) => length > 0);
      while (left.length > 0) {
        const { bytesWritten } = await file.writev(left.slice(0, WRITE_PIECES));
        left = after(left, bytesWritten);
      }
      this.#waiting = 0;
    } catch (error) {
      rethrowAs(this.#path)(error);
    }
  }
}

/** What a write that took only `bytes` has left. */
function after(pieces: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let begun = 0;
  let taken = bytes;
  for (; begun < pieces.length && taken >= (pieces[begun] as Uint8Array).length; begun += 1)
    taken -= (pieces[begun] as Uint8Array).length;
  const left = pieces.slice(begun);
  if (taken > 0) left[0] = (left[0] as Uint8Array).subarray(taken);
  return left;
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

/** One page for each directory. */
async function* listTree(path: string, key: string): AsyncGenerator<readonly StoredObject[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    return rethrowAs(key)(error);
  });
  const files: StoredObject[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.isDirectory()) {
      yield* listTree(join(path, entry.name), `${key}${entry.name}/`);
    } else if (!entry.name.endsWith('.partial')) {
      const { mtime, size } = await stat(join(path, entry.name)).catch(rethrowAs(key));
      files.push({ key: key + entry.name, modifiedAt: mtime, sizeBytes: size });
    }
  }
  if (files.length > 0) yield files;
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
