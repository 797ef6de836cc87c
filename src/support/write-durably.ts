import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a file for this user only, which is there whole or not at all and survives a power cut. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const partial = `${path}.new`;
  // The mode counts at creation only, and what a crash left may have another.
  await rm(partial, { force: true });
  const file = await open(partial, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
  await syncDirectory(dirname(path));
}

/** A renamed file survives a power cut only when its directory has been synced too. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** One sync serves everybody who asked for it before it began: files that arrive together share theirs. */
export function sharedSync(sync: (directory: string) => Promise<void>): (directory: string) => Promise<void> {
  const running = new Map<string, Promise<void>>();
  const next = new Map<string, Promise<void>>();
  const begin = (directory: string): Promise<void> => {
    next.delete(directory);
    const result = sync(directory).finally(() => running.delete(directory));
    running.set(directory, result);
    return result;
  };
  return (directory) => {
    const before = running.get(directory);
    if (!before) return begin(directory);
    const waiting =
      next.get(directory) ??
      before.then(
        () => begin(directory),
        () => begin(directory),
      );
    next.set(directory, waiting);
    return waiting;
  };
}
