// npm run test:cluster: runs this directory's suites where a node can run, and says so loudly where it cannot. Exit
// code 1 in CI when a program is missing; what the machine forbids fails only where TEST_CLUSTER=required.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { missingPrograms, whatForbidsANode } from './support/machine.ts';

function skip(reason: string, failed: boolean): never {
  process.stderr.write(`\n!! The cluster suite did not run: ${reason}.\n\n`);
  process.exit(failed ? 1 : 0);
}

const missing = missingPrograms();
if (missing.length > 0)
  skip(`${missing.join(', ')}: not installed, which .ci/run does`, process.env.CI === 'true');
const forbidden = whatForbidsANode();
if (forbidden) skip(forbidden, process.env.TEST_CLUSTER === 'required');

const root = join(import.meta.dirname, '..', '..');
const mocha = [join('node_modules', 'mocha', 'bin', 'mocha.js'), '--config', 'test/cluster/mocharc.json'];
const child = spawn(process.execPath, [...mocha, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
// It ends the node first; ^C reaches it by itself.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.once('exit', (code) => process.exit(code ?? 1));
