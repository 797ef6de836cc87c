import { join, resolve } from 'node:path';
import { run } from '../../support/run.ts';
import { PAUSE_IMAGE } from './kubelet.ts';

const ARCHIVE = '.tools/image/piing-gateway.tar';
/** What values.yaml names, and what an upgrade goes to: the same under another tag. */
export const IMAGE = 'localhost/piing-gateway:installed';
export const NEXT_TAG = 'next';
export const NEXT_IMAGE = `localhost/piing-gateway:${NEXT_TAG}`;

/** Builds the image as `tools/image.sh` does; layers that are there are used again. */
export async function buildImage(): Promise<string> {
  const { code, stderr } = await run('tools/image.sh', [ARCHIVE], {
    env: { IMAGE },
    timeoutMs: 1_800_000,
  });
  if (code !== 0) throw new Error(`tools/image.sh: ${stderr.slice(-2_000)}`);
  return resolve(ARCHIVE);
}

/** Makes the archive of the image that holds each pod's namespaces; `pause` is all that is in it. */
export async function buildPauseImage(programs: string, directory: string): Promise<string> {
  const archive = join(directory, 'pause.tar');
  const script = join(import.meta.dirname, '..', 'node', 'pause-image.sh');
  const made = await run('bash', [script, join(programs, 'pause'), PAUSE_IMAGE, archive]);
  if (made.code !== 0) throw new Error(`pause image: ${made.stderr}`);
  return archive;
}
