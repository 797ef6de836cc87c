import type { YamlDocument } from './manifest-documents.ts';
import { type Manifest, nameOf } from './resources.ts';

/** A manifest and where it stands. */
export interface LocatedManifest {
  readonly manifest: Manifest;
  readonly document: YamlDocument;
}

/** Problems between manifests that are each valid alone. */
export function findClashes(located: readonly LocatedManifest[]): string[] {
  return [...sameName(located), ...sameCredentialFile(located)];
}

/** kubectl would apply the second over the first. */
function sameName(located: readonly LocatedManifest[]): string[] {
  const first = new Map<string, LocatedManifest>();
  return located.flatMap((each) => {
    const name = nameOf(each.manifest);
    const other = first.get(name);
    if (!other) first.set(name, each);
    if (!other) return [];
    const path = ['metadata', 'name'];
    const message = `${name} is already in ${other.document.place(path)}. Rename one.`;
    return [each.document.problem({ path, message })];
  });
}

/** `blue` with `bistro-pos` and `blue-bistro` with `pos` would overwrite each other's secrets. */
function sameCredentialFile(located: readonly LocatedManifest[]): string[] {
  const owners = new Map<string, string>();
  return located.flatMap(({ manifest, document }) => {
    if (manifest.kind !== 'Organization') return [];
    const organization = manifest.metadata.name;
    return manifest.spec.credentials.flatMap(({ name }, index) => {
      const file = `${organization}-${name}`;
      const owner = owners.get(file) ?? organization;
      owners.set(file, owner);
      if (owner === organization) return [];
      const message = `its secret would be delivered as ${file}, and so would one of ${owner}. Rename one of the credentials.`;
      return [document.problem({ path: ['spec', 'credentials', String(index), 'name'], message })];
    });
  });
}
