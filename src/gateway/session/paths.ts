import { posix } from 'node:path';

/** A place in the virtual tree: `/`, `/{schemaType}`, `/{schemaType}/{file}`, and nothing else. */
export type Place =
  | { readonly kind: 'root' }
  | { readonly kind: 'folder'; readonly schemaType: string }
  | { readonly kind: 'file'; readonly schemaType: string; readonly name: string }
  | { readonly kind: 'nowhere' };

/** Longest path that is looked at, in characters. */
const MAX_PATH = 4096;

/** Absolute and normalised, whatever the client sends: what REALPATH answers. */
export function normalisePath(path: string): string {
  return posix.resolve('/', path.slice(0, MAX_PATH));
}

export function placeOf(path: string): Place {
  if (path.length > MAX_PATH) return { kind: 'nowhere' };
  const [schemaType, name, ...deeper] = normalisePath(path).split('/').filter(Boolean);
  if (schemaType === undefined) return { kind: 'root' };
  if (name === undefined) return { kind: 'folder', schemaType };
  return deeper.length === 0 ? { kind: 'file', schemaType, name } : { kind: 'nowhere' };
}
