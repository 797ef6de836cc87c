// Writes src/tenancy/resource-types.ts, the TypeScript types of the CustomResourceDefinitions in crds/:
//   npm run generate
// A field with a default is always there, because the API server (and the reader of manifests) fills it in.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
export const TARGET = join(root, 'src', 'tenancy', 'resource-types.ts');

/** The source text, formatted as the rest of the code is. */
export function generateResourceTypes() {
  const lines = ['// Generated from crds/ by `npm run generate`. Do not edit.', ''];
  for (const file of readdirSync(join(root, 'crds')).sort()) {
    const { spec } = parse(readFileSync(join(root, 'crds', file), 'utf8'));
    for (const part of ['spec', 'status']) {
      const schema = spec.versions[0].schema.openAPIV3Schema.properties[part];
      lines.push(comment(schema.description), `export interface ${spec.names.kind}${capital(part)} {`);
      lines.push(...fields(schema), '}', '');
    }
  }
  return format(lines.join('\n'));
}

function fields(schema) {
  const required = new Set(schema.required);
  return Object.entries(schema.properties).flatMap(([name, field]) => {
    const optional = required.has(name) || field.default !== undefined ? '' : '?';
    return [comment(field.description), `readonly ${name}${optional}: ${typeOf(field)};`];
  });
}

function typeOf(schema) {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  switch (schema.type) {
    case 'array':
      return `readonly (${typeOf(schema.items)})[]`;
    case 'object':
      return schema.properties
        ? `{\n${fields(schema).join('\n')}\n}`
        : `Readonly<Record<string, ${typeOf(schema.additionalProperties)}>>`;
    case 'integer':
      return 'number';
    case 'boolean':
    case 'string':
      return schema.type;
    default:
      throw new Error(`There is no TypeScript type for ${JSON.stringify(schema)} yet. Add it to typeOf.`);
  }
}

/** Wrapped by hand: Biome leaves comments as they are. */
function comment(description) {
  const lines = [''];
  for (const word of description.split(/\s+/)) {
    const last = lines[lines.length - 1];
    if (last.length + word.length > 90) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines.length === 1
    ? `/** ${lines[0]} */`
    : `/**\n${lines.map((line) => ` * ${line}`).join('\n')}\n */`;
}

function capital(word) {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function format(source) {
  const biome = join(root, 'node_modules', '.bin', 'biome');
  const args = ['format', '--stdin-file-path=src/tenancy/resource-types.ts'];
  const result = spawnSync(biome, args, { cwd: root, input: source, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`biome could not format the types: ${result.stderr}`);
  return result.stdout;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TARGET, generateResourceTypes());
