import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { loadManifestValidator } from '../../../src/tenancy/manifest-validation.ts';
import { checkManifests, ManifestError, type Manifests } from '../../../src/tenancy/manifests.ts';
import { API_VERSION } from '../../../src/tenancy/resources.ts';
import type { Target } from '../guided/target.ts';

const FILE = 'a.yaml';
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
/** The file, the document, the line and the path; what is no YAML at all has no path. */
const PROBLEM =
  /^a\.yaml(?: is empty\.|, document \d+: cannot be read: |, document \d+, line \d+(?:, [^\n]+?)?: )/;
const LONGEST_PROBLEM = 10_000;

/** Read whole, with the names that CRDs allow, or refused with lines for people, each with its place. */
export async function openManifest(): Promise<Target> {
  const validate = await loadManifestValidator();
  const read = (text: string): Manifests | undefined => {
    try {
      return checkManifests(new Map([[FILE, text]]), validate);
    } catch (error) {
      assert.ok(error instanceof ManifestError, String((error as Error).stack));
      for (const line of error.message.split('\n')) {
        assert.match(line, PROBLEM);
        assert.ok(line.length < LONGEST_PROBLEM, `a line of ${line.length} characters`);
      }
      return undefined;
    }
  };
  return {
    seeds: SEEDS,
    tokens: TOKENS,
    maxBytes: 3_000,
    check: (input) => {
      const manifests = read(input.toString());
      assert.equal(({} as { a?: unknown }).a, undefined, 'a document has changed what every object has');
      if (!manifests) return;
      checkNames(manifests);
      // What was understood means the same when it is written again, its defaults filled in.
      assert.deepEqual(plain(read(written(manifests))), plain(manifests));
    },
  };
}

function checkNames({ organizations, enablements }: Manifests): void {
  for (const { metadata, spec } of organizations) {
    assert.match(metadata.name, NAME);
    for (const { name } of spec.credentials) assert.match(name, NAME);
  }
  for (const { spec } of enablements) assert.match(spec.schemaType, /^[A-Za-z][A-Za-z0-9_]*$/);
}

const written = ({ organizations, enablements }: Manifests): string =>
  [...organizations, ...enablements]
    .map((manifest) => stringify({ apiVersion: API_VERSION, ...manifest }, { aliasDuplicateObjects: false }))
    .join('---\n') || '# nothing';

/** Without what objects are made of, which differs between a document and its copy. */
const plain = (value: unknown): unknown => value && JSON.parse(JSON.stringify(value));

const SEEDS = [
  ...['blue-bistro', 'corner-books'].map((name) => readFileSync(`config/standalone/${name}.yaml`)),
  `apiVersion: ${API_VERSION}\nkind: Organization\nmetadata: { name: a }\nspec: { displayName: A, credentials: [{ name: pos, rotation: 1 }] }\n`,
  `apiVersion: ${API_VERSION}\nkind: Organization\nmetadata: { name: b, labels: { x: y } }\nspec:\n  displayName: B\n  suspended: true\n  limits: { maxFileBytes: 1000 }\n  allowedSourceRanges: [192.0.2.0/24]\n  webhooks: [{ name: w, url: 'https://x.example/y', secretRef: { name: s } }]\n`,
  `apiVersion: ${API_VERSION}\nkind: SchemaEnablement\nmetadata: { name: a }\nspec: { organizationRef: { name: a }, schemaType: orgShifts, transformer: { timeZone: UTC } }\n---\n# next\n`,
];

const TOKENS = [
  ...[
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '&x ',
    '*x',
    '<<: *x',
    '? ',
    '- ',
    ': ',
    '{ ',
    ' }',
    '[ ',
    ' ]',
    '|\n',
    '>-\n',
  ],
  ...[
    '!!binary ',
    '!!set',
    '!<tag:x> ',
    '__proto__',
    '"\\u0000"',
    '\t',
    '\r\n',
    '\u2028',
    '1e400',
    '.inf',
    '~',
  ],
  ...['yes', '0o7', '2026-02-30', '2026-01-01T00:00:00Z', 'metadata: ', 'spec: ', 'name: ', 'namespace: '],
  ...['apiVersion: piing.ai/v1alpha1\n', 'kind: Organization\n', 'kind: SchemaEnablement\n', 'secretRef: '],
  ...[
    '  credentials:\n  - name: ',
    'expiresAt: ',
    'displayName: ',
    'transformer: ',
    'columns: ',
    'webhooks: ',
  ],
];
