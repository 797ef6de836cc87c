// Compiles src/ to plain JavaScript in dist/, with its SQL migrations and the uploads page: `npm run build`.
// The image is made of it; everything else runs the TypeScript as it is.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildPage } from './build-page.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');

/** Builds into `target`, and returns it. The page goes to dist/page/, where every checkout has it. */
export async function build(target = dist) {
  if (target === dist) rmSync(dist, { recursive: true, force: true });
  const tsc = join(root, 'node_modules', '.bin', 'tsc');
  const args = ['-p', 'tsconfig.build.json', '--outDir', target];
  const { status } = spawnSync(tsc, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('tsc failed: see its message above.');
  const migrations = join('database', 'migrations');
  cpSync(join(root, 'src', migrations), join(target, migrations), { recursive: true });
  chmodSync(join(target, 'main.js'), 0o755);
  await buildPage();
  return target;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
