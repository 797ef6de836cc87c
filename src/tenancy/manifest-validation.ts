import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { ManifestFault } from './manifest-documents.ts';
import { describeFault } from './manifest-faults.ts';
import { addKubernetesKeywords } from './resource-rules.ts';
import { loadResourceSchemas } from './resource-schemas.ts';
import { API_VERSION, type Manifest } from './resources.ts';

type ValidationResult = { readonly manifest: Manifest } | { readonly faults: readonly ManifestFault[] };

/** Checks one document and fills in the defaults, as the API server does. */
export type ManifestValidator = (document: unknown) => ValidationResult;

export async function loadManifestValidator(): Promise<ManifestValidator> {
  const ajv = new Ajv({ allErrors: true, strict: true, useDefaults: true, verbose: true });
  addKubernetesKeywords(ajv);
  const validators = new Map<string, ValidateFunction<Manifest>>();
  for (const [kind, schema] of await loadResourceSchemas())
    validators.set(kind, ajv.compile<Manifest>(schema));
  return (document) => validate(document, validators);
}

function validate(
  document: unknown,
  validators: ReadonlyMap<string, ValidateFunction<Manifest>>,
): ValidationResult {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    return fault([], `has to be a resource with apiVersion: ${API_VERSION} and a kind`);
  }
  const { apiVersion, kind } = document as { apiVersion?: unknown; kind?: unknown };
  if (apiVersion !== API_VERSION) {
    return fault(['apiVersion'], `is ${shown(apiVersion)}, and has to be ${API_VERSION}`);
  }
  const validator = typeof kind === 'string' ? validators.get(kind) : undefined;
  if (!validator) {
    return fault(['kind'], `is ${shown(kind)}, and has to be ${[...validators.keys()].join(' or ')}`);
  }
  return validator(document) ? { manifest: document } : { faults: toFaults(validator.errors ?? []) };
}

function toFaults(errors: readonly ErrorObject[]): ManifestFault[] {
  return errors.map((error) => {
    const { at, message } = describeFault(error);
    const path = error.instancePath.split('/').slice(1).map(unescapePointer);
    return { path: at === undefined ? path : [...path, at], message };
  });
}

/** RFC 6901. */
function unescapePointer(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}

function fault(path: readonly string[], message: string): ValidationResult {
  return { faults: [{ path, message: `${message}.` }] };
}

function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}
