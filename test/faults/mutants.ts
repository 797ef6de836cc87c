import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { temporaryDirectory } from '../support/servers.ts';

/** A change of the product's source that breaks its promise: `from` is there once and becomes `to`. */
export interface Mutation {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A copy of this repository's product with one mutation; the directory that holds it. */
export async function mutate({ file, from, to }: Mutation): Promise<string> {
  const directory = await temporaryDirectory('mutant');
  await mkdir(directory, { recursive: true });
  for (const part of ['src', 'config', 'package.json'])
    await cp(part, join(directory, part), { recursive: true });
  await symlink(resolve('node_modules'), join(directory, 'node_modules'));
  const source = await readFile(join(directory, file), 'utf8');
  if (source.split(from).length !== 2) throw new Error(`${file} does not have ${JSON.stringify(from)} once.`);
  await writeFile(
    join(directory, file),
    source.replace(from, () => to),
  );
  return directory;
}
