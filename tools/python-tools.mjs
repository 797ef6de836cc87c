// Installs the Python clients that the tests use (tools/requirements.txt) into .tools/python, once for each version
// of that file. Prints nothing when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const tools = dirname(fileURLToPath(import.meta.url));
const target = join(tools, '..', '.tools', 'python');
const stamp = join(target, 'requirements.txt');

export function installPythonTools() {
  const wanted = readFileSync(join(tools, 'requirements.txt'), 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return target;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', target];
  const result = spawnSync('python3', [...args, '-r', join(tools, 'requirements.txt')], {
    stdio: ['ignore', 2, 2],
  });
  if (result.error || result.status !== 0) return undefined;
  writeFileSync(stamp, wanted);
  return target;
}
