import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { DEFAULT_TRANSFORMER } from '../../src/schemas/transformer-spec.ts';
import { validateTransformer } from '../../src/schemas/validate-transformer.ts';
import { readManifests } from '../../src/tenancy/manifests.ts';
import { generateResourceTypes, TARGET } from '../../tools/generate-resource-types.mjs';

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

async function schemaOf(file: string): Promise<Schema> {
  const { spec } = parse(await readFile(`crds/${file}`, 'utf8'));
  return spec.versions[0].schema.openAPIV3Schema;
}

function* fieldsOf(schema: Schema, path: string): Generator<readonly [path: string, field: Schema]> {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    yield [`${path}.${name}`, field];
    yield* fieldsOf(field, `${path}.${name}`);
  }
  if (schema.items) {
    yield [`${path}[]`, schema.items];
    yield* fieldsOf(schema.items, `${path}[]`);
  }
}

describe('The CustomResourceDefinitions', () => {
  for (const file of ['organizations.yaml', 'schemaenablements.yaml']) {
    it(`describe and bound every field of ${file}`, async () => {
      for (const [path, field] of fieldsOf(await schemaOf(file), '')) {
        if (path === '.metadata') continue;
        assert.match(field.description ?? '', /^[A-Za-z].*\.$/s, `${path} has no description`);
        if (field.type === 'array') assert.ok(field.maxItems, `${path} has no maxItems`);
        const bounded = field.maxLength || field.enum || ['.apiVersion', '.kind'].includes(path);
        if (field.type === 'string') assert.ok(bounded, `${path} has no maxLength`);
      }
    });
  }

  it('have the same default transformer as the pipeline', async () => {
    const schema = await schemaOf('schemaenablements.yaml');
    const transformer = schema.properties?.spec?.properties?.transformer;
    const defaults = Object.entries(transformer?.properties ?? {})
      .filter(([, field]) => field.default !== undefined)
      .map(([name, field]) => [name, field.default]);
    assert.deepEqual(transformer?.default, {});
    assert.deepEqual(Object.fromEntries(defaults), DEFAULT_TRANSFORMER);
  });

  it('have conditions of the same form', async () => {
    const [organization, enablement] = await Promise.all(
      ['organizations.yaml', 'schemaenablements.yaml'].map(schemaOf),
    );
    const conditionsOf = (schema: Schema | undefined) => schema?.properties?.status?.properties?.conditions;
    assert.deepEqual(conditionsOf(organization)?.items, conditionsOf(enablement)?.items);
  });

  it('are what the TypeScript types say', async () => {
    const message = 'crds/ has changed: run `npm run generate`.';
    assert.equal(await readFile(TARGET, 'utf8'), generateResourceTypes(), message);
  });
});

describe('The sample tenants', () => {
  it('are accepted, and their transformers fit the catalogue', async () => {
    const { organizations, enablements } = await readManifests('config/standalone');
    const catalogue = await loadCatalogue('config/schemas');
    assert.deepEqual(
      organizations.map(({ metadata, spec }) => [metadata.name, spec.credentials.map(({ name }) => name)]),
      [
        ['blue-bistro', ['pos']],
        ['corner-books', ['erp']],
      ],
    );
    for (const { spec } of enablements) {
      const schema = catalogue.get(spec.schemaType);
      assert.ok(schema, spec.schemaType);
      assert.deepEqual(validateTransformer(schema, spec.transformer), []);
    }
  });
});
