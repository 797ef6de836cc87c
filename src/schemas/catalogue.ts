import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CatalogueError, parseSchemaFile } from './schema-file.ts';
import type { SchemaType } from './schema-type.ts';

/** Every schema type that this gateway knows. */
export interface Catalogue {
  /** By name. */
  readonly types: readonly SchemaType[];
  get(name: string): SchemaType | undefined;
}

/** Reads `*.yaml` and `*.yml` of a directory. @throws {CatalogueError} with every problem of every file */
export async function loadCatalogue(directory: string): Promise<Catalogue> {
  const names = await readdir(directory).catch((error: Error) => {
    throw new CatalogueError(
      `The schema directory ${directory} cannot be read: ${error.message}. Set PIING_SCHEMAS_DIR.`,
    );
  });
  const files = names.filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
  const problems: string[] = [];
  const types: LocatedType[] = [];
  for (const file of files) {
    try {
      const text = await readFile(join(directory, file), 'utf8');
      types.push({ ...parseSchemaFile(file, text), at: `${file}:${lineOfTable(text)}` });
    } catch (error) {
      if (!(error instanceof CatalogueError)) throw error;
      problems.push(error.message);
    }
  }
  problems.push(...sharedTables(types));
  if (types.length === 0 && problems.length === 0)
    problems.push(`${directory} has no schema files (*.yaml).`);
  if (problems.length > 0) throw new CatalogueError(problems.join('\n'));
  const byName = new Map(types.map((type) => [type.name, type]));
  return { types, get: (name) => byName.get(name) };
}

type LocatedType = SchemaType & { readonly at: string };

function lineOfTable(text: string): number {
  return text.split('\n').findIndex((line) => /^\s+table:/.test(line)) + 1;
}

function sharedTables(types: readonly LocatedType[]): string[] {
  const owners = new Map<string, string>();
  return types.flatMap(({ at, name, table }) => {
    const owner = owners.get(table);
    owners.set(table, owner ?? name);
    return owner ? [`${at}: piing.table: ${table} is already the table of ${owner}.`] : [];
  });
}
