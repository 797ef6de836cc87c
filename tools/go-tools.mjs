// Builds the Go programs that the tests use into .tools/, once for each version of their modules and sources.
// Prints nothing when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const tools = dirname(fileURLToPath(import.meta.url));
const bin = join(tools, '..', '.tools');

/** Modules of their own, because what they require clashes. */
const MODULES = {
  s3: { directory: tools, packages: ['tool'], what: 'the S3 server (about a minute)' },
  'sftp-clients': {
    directory: join(tools, 'sftp-clients'),
    packages: ['./gosftp', './rclone'],
    what: 'SFTP clients (about 20 s)',
  },
};

export function buildGoTools(name) {
  const { directory, packages, what } = MODULES[name];
  const stamp = join(bin, `${name}.sha256`);
  const wanted = fingerprint(directory);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return bin;
  console.error(`Building ${what} for tests from Go modules, once …`);
  mkdirSync(bin, { recursive: true });
  const env = { ...process.env, GOBIN: bin, GOFLAGS: '-trimpath -ldflags=-s -ldflags=-w' };
  const result = spawnSync('go', ['install', ...packages], { cwd: directory, env, stdio: ['ignore', 2, 2] });
  if (result.error) throw new Error(`Go is needed to build ${what}: ${result.error.message}`);
  if (result.status !== 0) throw new Error('go install failed: see its message above.');
  writeFileSync(stamp, wanted);
  return bin;
}

function fingerprint(directory) {
  const hash = createHash('sha256').update(readFileSync(join(directory, 'go.sum')));
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const main = join(directory, entry.name, 'main.go');
    if (entry.isDirectory() && existsSync(main)) hash.update(readFileSync(main));
  }
  return hash.digest('hex');
}
