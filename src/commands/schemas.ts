import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { loadCatalogue } from '../schemas/catalogue.ts';
import { CatalogueError, parseSchemaFile } from '../schemas/schema-file.ts';
import type { SchemaType } from '../schemas/schema-type.ts';
import type { Settings } from '../settings.ts';
import { StartupError } from '../support/listen.ts';
import { schemaDetails, schemasTable } from './schemas-tables.ts';

interface OutputOptions {
  readonly json?: boolean;
}

/** `piing schemas list`: every schema type of PIING_SCHEMAS_DIR. */
export async function listSchemas(settings: Settings, { json }: OutputOptions): Promise<void> {
  const { types } = await loadCatalogue(settings.PIING_SCHEMAS_DIR);
  print(json ? toJson(types) : schemasTable(types));
}

/** `piing schemas show NAME`: a schema type with its columns. */
export async function showSchema(settings: Settings, name: string, { json }: OutputOptions): Promise<void> {
  const catalogue = await loadCatalogue(settings.PIING_SCHEMAS_DIR);
  const schema = catalogue.get(name);
  if (!schema) {
    const known = catalogue.types.map((type) => type.name).join(', ');
    throw new StartupError(`There is no schema type ${name}. Known: ${known}.`);
  }
  print(json ? toJson(schema) : schemaDetails(schema));
}

/** `piing schemas check FILE`: whether the file could be put into PIING_SCHEMAS_DIR. @throws {CatalogueError} */
export async function checkSchema(settings: Settings, file: string, { json }: OutputOptions): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new StartupError(`${file} cannot be read: ${error.message}.`);
  });
  const schema = parseSchemaFile(basename(file), text);
  await expectOwnTable(settings, schema, file);
  const columns = `${schema.columns.length} columns, key ${schema.naturalKey.join(', ')}`;
  print(json ? toJson(schema) : `${file} is fine: ${schema.name} with ${columns}, table ${schema.table}.`);
}

async function expectOwnTable(settings: Settings, schema: SchemaType, file: string): Promise<void> {
  const { types } = await loadCatalogue(settings.PIING_SCHEMAS_DIR);
  const owner = types.find(({ name, table }) => table === schema.table && name !== schema.name);
  if (owner) {
    throw new CatalogueError(
      `${basename(file)}: piing.table: ${schema.table} is already the table of ${owner.name}.`,
    );
  }
}

const toJson = (value: unknown): string => JSON.stringify(value, null, 2);

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
