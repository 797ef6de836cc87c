import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';
import { stopAtEnd } from './servers.ts';

/** A file system of its own, which can be filled to its end. */
export interface SmallDisk {
  readonly directory: string;
  /** Takes all that is free but `leaveBytes`, as somebody else's file does. */
  fill(leaveBytes: number): Promise<void>;
  /** Gives back what {@link fill} took. */
  free(): Promise<void>;
}

/** What the kernel lets only root do. */
export const mayMount = (): boolean => process.getuid?.() === 0;

/** An ext4 of so many megabytes in a file, mounted at `directory` until the tests end. */
export async function mountSmallDisk(directory: string, megabytes: number): Promise<SmallDisk> {
  const image = `${directory}.ext4`;
  const file = await open(image, 'w');
  await file.truncate(megabytes * 1024 * 1024);
  await file.close();
  await mkdir(directory, { recursive: true });
  await must('mkfs.ext4', ['-q', '-m', '0', image]);
  await must('mount', ['-o', 'loop', image, directory]);
  stopAtEnd(async () => {
    await must('umount', ['--lazy', directory]);
    await rm(image, { force: true });
  });
  const ballast = join(directory, 'ballast');
  return {
    directory,
    fill: async (leaveBytes) => {
      const { bavail, bsize } = await statfs(directory);
      const bytes = bavail * bsize - leaveBytes;
      if (bytes > 0) await must('fallocate', ['--length', String(bytes), ballast]);
    },
    free: () => rm(ballast, { force: true }),
  };
}

async function must(command: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await run(command, args);
  if (code !== 0) throw new Error(`${command}: ${stderr.trim()}`);
}
