import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..', '..');

/** What `piing --version` says: in the image also the commit that it was built of. */
export function describeVersion(): string {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  try {
    const build = JSON.parse(readFileSync(join(ROOT, 'build.json'), 'utf8')) as Record<string, string>;
    return `${version} (${build.revision}, ${build.created})`;
  } catch {
    return `${version} (from source)`;
  }
}
