// Installs the Python programs that the tests use into .tools/, a directory for each list of requirements, once for
// each version of that list. Prints nothing when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const tools = dirname(fileURLToPath(import.meta.url));
const SETS = {
  clients: { list: 'requirements.txt', directory: 'python' },
  schemathesis: { list: 'schemathesis.txt', directory: 'schemathesis' },
};

export function installPythonTools(set = 'clients') {
  const list = join(tools, SETS[set].list);
  const target = join(tools, '..', '.tools', SETS[set].directory);
  const stamp = join(target, 'requirements.txt');
  const wanted = readFileSync(list, 'utf8');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return target;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--target', target];
  const result = spawnSync('python3', [...args, '-r', list], {
    stdio: ['ignore', 2, 2],
  });
  if (result.error || result.status !== 0) return undefined;
  writeFileSync(stamp, wanted);
  return target;
}
