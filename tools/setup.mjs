// Makes a fresh clone ready: installs what package-lock.json names, and nothing else.
// `npm start`, `npm test` and `npm run check` call it first. Plain JavaScript that Node 18 understands,
// because it runs before the pinned Node 24 is there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const lockFile = join(root, 'package-lock.json');
// Which lock file the installed packages are of. Times do not tell: git sets them anew, and npm touches its own files.
const stamp = join(root, 'node_modules', '.installed-lock.sha256');
const wanted = createHash('sha256').update(readFileSync(lockFile)).digest('hex');
const pinnedNode = join(root, 'node_modules', 'node', 'bin', 'node');
// npm 10 ignores `allowScripts` in package.json and builds this addon, which aborts Node 24
// (docs/decisions/0002-ssh2-without-its-addon.md).
const ssh2Addon = join(root, 'node_modules', 'ssh2', 'lib', 'protocol', 'crypto', 'build');

const isCurrent = () => existsSync(pinnedNode) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;

if (!isCurrent()) {
  console.error('Installing dependencies (npm ci) …');
  const npm = process.env.npm_execpath;
  const [command, first] = npm ? [process.execPath, [npm]] : ['npm', []];
  const result = spawnSync(command, [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (result.status !== 0) {
    console.error('npm ci failed: see its message above. Nothing was started.');
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}
rmSync(ssh2Addon, { recursive: true, force: true });

// Loaded only now: it needs what was just installed.
const { buildPage } = await import('./build-page.mjs');
await buildPage();
