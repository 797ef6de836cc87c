// Prints the bill of materials of what is shipped, as CycloneDX JSON: npm's own, made from package-lock.json alone.
// npm sbom --omit dev leaves out packages that a tool needs as well, such as ssh2 and zod (npm 11.19). So it is asked
// for all of them, and those that package-lock.json marks as tools are taken out here.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const npm = process.env.npm_execpath;
const [command, first] = npm ? [process.execPath, [npm]] : ['npm', []];
const asked = ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'];
const { status, stdout, stderr } = spawnSync(command, [...first, ...asked], {
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
});
if (status !== 0) {
  process.stderr.write(stderr);
  process.exit(1);
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const { name } = JSON.parse(readFileSync('package.json', 'utf8'));
const shipped = new Set();
for (const [path, { version, dev }] of Object.entries(packages))
  if (path !== '' && !dev) shipped.add(`${path.slice(path.lastIndexOf('node_modules/') + 13)}@${version}`);

const bill = JSON.parse(stdout);
const own = bill.metadata.component;
// npm takes the name of the directory.
bill.metadata.component = { ...own, type: 'application', name };
bill.components = bill.components.filter((each) => shipped.has(`${each.name}@${each.version}`));
const kept = new Set([own['bom-ref'], ...bill.components.map((each) => each['bom-ref'])]);
bill.dependencies = bill.dependencies
  .filter(({ ref }) => kept.has(ref))
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => kept.has(each)) }));
process.stdout.write(`${JSON.stringify(bill, null, 2)}\n`);
