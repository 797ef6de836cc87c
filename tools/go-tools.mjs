// Builds the Go programs that the tests use (tools/go.mod) into .tools/, once for each version of go.mod.
// Prints nothing when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const tools = dirname(fileURLToPath(import.meta.url));
const bin = join(tools, '..', '.tools');
const stamp = join(bin, 'go-tools.sha256');

export function buildGoTools() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(tools, 'go.sum')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return bin;
  console.error('Building the S3 server for tests from its Go module (about a minute, once) …');
  mkdirSync(bin, { recursive: true });
  const env = { ...process.env, GOBIN: bin, GOFLAGS: '-trimpath -ldflags=-s -ldflags=-w' };
  const result = spawnSync('go', ['install', 'tool'], { cwd: tools, env, stdio: ['ignore', 2, 2] });
  if (result.error) throw new Error(`Go is needed to build the S3 server for tests: ${result.error.message}`);
  if (result.status !== 0) throw new Error('go install failed: see its message above.');
  writeFileSync(stamp, wanted);
  return bin;
}
