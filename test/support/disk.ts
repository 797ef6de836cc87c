import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';
import { stopAtEnd } from './servers.ts';
import { until } from './until.ts';

const FILL_MS = 10_000;

/** A file system of its own, which can be filled to its end. */
export interface SmallDisk {
  readonly directory: string;
  /** Takes all that is free but `leaveBytes`, as somebody else's file does. */
  fill(leaveBytes: number): Promise<void>;
  /** Gives back what {@link fill} took. */
  free(): Promise<void>;
}

/**
 * Mounts a file system of so many megabytes at `directory` until the tests end: ext4 in a file, or one in memory where
 * there are no loop devices. Undefined where mounting is not allowed at all, as it is to root alone.
 */
export async function mountSmallDisk(directory: string, megabytes: number): Promise<SmallDisk | undefined> {
  const image = `${directory}.ext4`;
  await mkdir(directory, { recursive: true });
  if (!(await mountImage(image, directory, megabytes)) && !(await mountMemory(directory, megabytes)))
    return undefined;
  stopAtEnd(async () => {
    await run('umount', ['--lazy', directory]);
    await rm(image, { force: true });
  });
  const ballast = join(directory, 'ballast');
  return {
    directory,
    // Others write meanwhile: what does not fit any more is less the next time.
    fill: async (leaveBytes) => {
      const filled = async () => {
        const { bavail, bsize } = await statfs(directory);
        const bytes = bavail * bsize - leaveBytes;
        return bytes <= 0 || (await succeeds('fallocate', ['--length', String(bytes), ballast]))
          ? true
          : undefined;
      };
      await until(filled, FILL_MS);
    },
    free: () => rm(ballast, { force: true }),
  };
}

async function mountImage(image: string, directory: string, megabytes: number): Promise<boolean> {
  const file = await open(image, 'w');
  await file.truncate(megabytes * 1024 * 1024);
  await file.close();
  const mounted =
    (await succeeds('mkfs.ext4', ['-q', '-m', '0', image])) &&
    (await succeeds('mount', ['-o', 'loop', image, directory]));
  if (!mounted) await rm(image, { force: true });
  return mounted;
}

const mountMemory = (directory: string, megabytes: number) =>
  succeeds('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory]);

const succeeds = (command: string, args: readonly string[]) =>
  run(command, args).then(
    ({ code }) => code === 0,
    () => false,
  );
