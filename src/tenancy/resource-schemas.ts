import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { API_VERSION, DEFAULT_NAMESPACE } from './resources.ts';

/** The CustomResourceDefinitions are the only place that says what a manifest may hold. */
const CRDS = join(import.meta.dirname, '..', '..', 'crds');

export type JsonSchema = Readonly<Record<string, unknown>>;

const definition = z.object({
  spec: z.object({
    group: z.string(),
    names: z.object({ kind: z.string() }),
    versions: z.array(
      z.object({
        name: z.string(),
        schema: z.object({ openAPIV3Schema: z.record(z.string(), z.unknown()) }),
      }),
    ),
  }),
});

/**
 * What the API server checks of `metadata` by itself. Fields that it fills in are known here too, so that the
 * output of `kubectl get -o yaml` can be used as it is.
 */
const OBJECT_META: JsonSchema = {
  type: 'object',
  required: ['name'],
  properties: {
    name: {
      type: 'string',
      description: 'Name of the resource: lower-case letters, digits, - and dots.',
      minLength: 1,
      maxLength: 253,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
    },
    namespace: {
      type: 'string',
      description: 'Namespace of the resource: lower-case letters, digits and -.',
      default: DEFAULT_NAMESPACE,
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    annotations: { type: 'object', additionalProperties: { type: 'string' } },
    creationTimestamp: {},
    deletionGracePeriodSeconds: {},
    deletionTimestamp: {},
    finalizers: {},
    generation: {},
    managedFields: {},
    ownerReferences: {},
    resourceVersion: {},
    selfLink: {},
    uid: {},
  },
};

/** The schema of every kind of this version of the API, in which a field that is not described is an error. */
export async function loadResourceSchemas(directory = CRDS): Promise<ReadonlyMap<string, JsonSchema>> {
  const schemas = new Map<string, JsonSchema>();
  for (const file of (await readdir(directory)).filter((name) => name.endsWith('.yaml')).sort()) {
    const { spec } = definition.parse(parse(await readFile(join(directory, file), 'utf8')));
    const version = spec.versions.find(({ name }) => `${spec.group}/${name}` === API_VERSION);
    if (!version) throw new Error(`${file} does not define ${spec.names.kind} in ${API_VERSION}.`);
    const schema = version.schema.openAPIV3Schema;
    const properties = { ...asSchema(schema.properties), metadata: OBJECT_META };
    schemas.set(spec.names.kind, closed({ ...schema, required: ['metadata', 'spec'], properties }));
  }
  return schemas;
}

/** The API server drops unknown fields with a warning at most; in a file they are typos. */
function closed(schema: JsonSchema): JsonSchema {
  const changed: Record<string, unknown> = { ...schema };
  if (schema.items !== undefined) changed.items = closed(asSchema(schema.items));
  if (schema.properties !== undefined) {
    const properties = Object.entries(asSchema(schema.properties));
    changed.properties = Object.fromEntries(
      properties.map(([name, property]) => [name, closed(asSchema(property))]),
    );
    changed.additionalProperties ??= false;
  }
  return changed;
}

function asSchema(value: unknown): JsonSchema {
  return z.record(z.string(), z.unknown()).parse(value);
}
