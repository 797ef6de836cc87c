import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { ManifestError, readManifests } from '../../src/tenancy/manifests.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { corpusOf, damaged, search, textBytes } from './corpus.ts';

const TARGET = 'manifest';
const SAMPLES = ['blue-bistro', 'corner-books'].map((name) => readFileSync(`config/standalone/${name}.yaml`));

const yaml = textBytes(
  fc
    .array(
      fc.constantFrom(
        '---\n',
        'kind: Organization\n',
        'kind: SchemaEnablement\n',
        'apiVersion: piing.ai/v1alpha1\n',
        'metadata: { name: a }\n',
        'metadata: &m { name: b, *m : 1 }\n',
        'spec:\n',
        '  credentials: [{ name: pos }]\n',
        '  <<: *x\n',
        '  - &x [*x]\n',
        '? [a]\n: b\n',
        '__proto__: { a: 1 }\n',
        'spec: !!binary x\n',
        'spec: { suspended: yes, limits: { maxFileBytes: 1e400 } }\n',
        'spec: { organizationRef: { name: a }, schemaType: orgShifts }\n',
        '"\\u0000": 1\n',
        '\t',
        '%YAML 1.1\n',
        '!<tag:x> y\n',
      ),
      { maxLength: 12 },
    )
    .map((lines) => lines.join('')),
);

describe('Fuzzed manifests', function () {
  this.timeout(600_000);
  let directory: string;
  let count = 0;

  before(async () => {
    directory = await temporaryDirectory('fuzzed-manifests');
  });

  /** Read whole, with the names that CRDs allow, or refused with lines for people. */
  async function check(bytes: Buffer): Promise<void> {
    const own = join(directory, String(++count));
    await mkdir(own);
    await writeFile(join(own, 'a.yaml'), bytes);
    const read = await readManifests(own).catch((error: unknown) => error);
    assert.equal(({} as { a?: unknown }).a, undefined, 'a document has changed what every object has');
    if (read instanceof ManifestError) {
      for (const line of read.message.split('\n').filter(Boolean)) assert.ok(line.length < 10_000);
      return;
    }
    assert.ok(!(read instanceof Error), String((read as Error).stack));
    const { organizations, enablements } = read as Awaited<ReturnType<typeof readManifests>>;
    for (const { metadata, spec } of organizations) {
      assert.match(metadata.name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
      for (const { name } of spec.credentials) assert.match(name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
    }
    for (const { spec } of enablements) assert.match(spec.schemaType, /^[A-Za-z][A-Za-z0-9_]*$/);
  }

  for (const { name, bytes } of corpusOf(TARGET)) it(`are read or refused: ${name}`, () => check(bytes));

  it('applies no manifest that it has not understood whole', () =>
    search(TARGET, damaged(fc.oneof(fc.constantFrom(...SAMPLES), yaml)), check));
});
