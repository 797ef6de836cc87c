import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StartupError } from '../support/listen.ts';

/** The directory in which a standalone gateway keeps everything, held by one process at a time. */
export interface DataDirectory {
  path(...parts: string[]): string;
  release(): Promise<void>;
}

/** @throws {StartupError} when it cannot be written or another instance uses it */
export async function claimDataDirectory(directory: string): Promise<DataDirectory> {
  try {
    await mkdir(directory, { recursive: true });
  } catch (error) {
    throw cannotWrite(directory, error);
  }
  const lock = join(directory, 'pid');
  if (!(await tryLock(lock, directory)) && !(await replaceStale(lock, directory))) {
    throw new StartupError(
      `${directory} is in use by another instance. Stop it, or set PIING_DATA_DIR to another directory.`,
    );
  }
  return {
    path: (...parts) => join(directory, ...parts),
    release: () => rm(lock, { force: true }),
  };
}

async function tryLock(lock: string, directory: string): Promise<boolean> {
  try {
    const file = await open(lock, 'wx', 0o600);
    await file.writeFile(`${process.pid}\n`);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cannotWrite(directory, error);
  }
}

/** A gateway that was killed leaves its lock; the process number in it then belongs to nobody, or to another program. */
async function replaceStale(lock: string, directory: string): Promise<boolean> {
  const pid = Number((await readFile(lock, 'utf8').catch(() => '')).trim());
  if (pid !== process.pid && (await isGateway(pid))) return false;
  await rm(lock, { force: true });
  return tryLock(lock, directory);
}

async function isGateway(pid: number): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return command === undefined || command.includes('standalone');
}

function cannotWrite(directory: string, error: unknown): StartupError {
  const reason = (error as Error).message;
  return new StartupError(
    `${directory} cannot be written: ${reason}. Set PIING_DATA_DIR to a directory that can.`,
    { cause: error },
  );
}
