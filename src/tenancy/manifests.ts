import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findClashes, type LocatedManifest } from './manifest-clashes.ts';
import { parseDocuments, type YamlDocument } from './manifest-documents.ts';
import { loadManifestValidator, type ManifestValidator } from './manifest-validation.ts';
import type { Manifest, OrganizationManifest, SchemaEnablementManifest } from './resources.ts';

/** Everything that a directory of manifests describes. */
export interface Manifests {
  readonly organizations: readonly OrganizationManifest[];
  readonly enablements: readonly SchemaEnablementManifest[];
}

/** Manifests that cannot be used. The message has a line for every problem of every file. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

/**
 * The files of a directory that hold manifests, sorted. Hidden files are left out: editors put their locks there.
 * @throws {ManifestError} when the directory cannot be read
 */
export async function manifestFiles(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((error: Error) => {
    throw new ManifestError(
      `The directory of manifests ${directory} cannot be read: ${error.message}. Create it, or set PIING_TENANTS_DIR to another.`,
      { cause: error },
    );
  });
  return names.filter((name) => /^[^.].*\.ya?ml$/.test(name)).sort();
}

/**
 * Reads every `*.yaml` and `*.yml` of a directory, checks it against the CRDs and fills in their defaults.
 * @throws {ManifestError} naming every problem by file, document, line and path
 */
export async function readManifests(directory: string): Promise<Manifests> {
  const validate = await loadManifestValidator();
  const unreadable: string[] = [];
  const texts = new Map<string, string>();
  for (const file of await manifestFiles(directory)) {
    const text = await readText(join(directory, file), unreadable);
    if (text !== undefined) texts.set(file, text);
  }
  return checkManifests(texts, validate, unreadable);
}

/**
 * The manifests of these texts, by the names of their files.
 * @param unreadable problems that there are already
 * @throws {ManifestError} naming every problem by file, document, line and path
 */
export function checkManifests(
  texts: ReadonlyMap<string, string>,
  validate: ManifestValidator,
  unreadable: readonly string[] = [],
): Manifests {
  const problems = [...unreadable];
  const located: LocatedManifest[] = [];
  for (const [file, text] of texts) {
    // A file that is being written is empty for a moment, and must not close its tenants' doors.
    if (text.trim() === '') problems.push(`${file} is empty. Write a manifest into it, or delete it.`);
    for (const document of parseDocuments(file, text)) {
      const manifest = checkDocument(document, validate, problems);
      if (manifest) located.push({ manifest, document });
    }
  }
  problems.push(...findClashes(located), ...located.flatMap(findSecretRefs));
  if (problems.length > 0) throw new ManifestError(problems.join('\n'));
  const manifests = located.map(({ manifest }) => manifest);
  return {
    organizations: manifests.filter((manifest) => manifest.kind === 'Organization'),
    enablements: manifests.filter((manifest) => manifest.kind === 'SchemaEnablement'),
  };
}

/** Webhooks have files for their secrets; the pair of a credential is made here, and only its hash is kept. */
function findSecretRefs({ manifest, document }: LocatedManifest): string[] {
  if (manifest.kind !== 'Organization') return [];
  return manifest.spec.credentials.flatMap(({ secretRef }, index) => {
    if (!secretRef) return [];
    const path = ['spec', 'credentials', String(index), 'secretRef'];
    const message = `names Secret ${secretRef.name}, and there are no Secrets outside of Kubernetes. Leave secretRef out: a pair is then issued, and written to the directory of credentials.`;
    return [document.problem({ path, message })];
  });
}

async function readText(path: string, problems: string[]): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    problems.push(
      `${path} cannot be read: ${(error as Error).message}. Let this user read it, or move it away.`,
    );
    return undefined;
  }
}

function checkDocument(
  document: YamlDocument,
  validate: ManifestValidator,
  problems: string[],
): Manifest | undefined {
  problems.push(...document.syntaxErrors);
  if (document.syntaxErrors.length > 0) return undefined;
  const result = validate(document.value);
  if ('manifest' in result) return result.manifest;
  problems.push(...document.problems(result.faults));
  return undefined;
}
