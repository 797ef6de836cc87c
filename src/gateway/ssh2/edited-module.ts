import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname } from 'node:path';

/** The only release of ssh2 that the edits were written for and tested with. */
const SSH2_VERSION = '1.17.0';

const require = createRequire(import.meta.url);

export interface Edit {
  readonly replace: string;
  readonly by: string;
}

interface CompilableModule extends Module {
  _compile(source: string, file: string): void;
  injected?: unknown;
}

const nodeModulePaths = (Module as unknown as { _nodeModulePaths(directory: string): string[] })
  ._nodeModulePaths;

/** @throws {Error} when another release is installed: every edit has to be looked at again */
export function expectSsh2Version(): void {
  const { version } = require('ssh2/package.json') as { version: string };
  if (version !== SSH2_VERSION) {
    throw new Error(
      `the edits of ssh2 are for ${SSH2_VERSION}, and ${version} is installed (see docs/decisions/0006)`,
    );
  }
}

export function requireSsh2File<Exports>(file: string): Exports {
  return require(`ssh2/${file}`) as Exports;
}

/**
 * Compiles one file of ssh2 with pieces of its text replaced, and seats it where `require` will find it.
 * `injected` is what a replacement reaches as `module.injected`.
 * @throws {Error} when a text is not there exactly once, or when ssh2 was loaded before
 */
export function loadEdited(file: string, edits: readonly Edit[], injected?: unknown): void {
  const path = require.resolve(`ssh2/${file}`);
  if (require.cache[path])
    throw new Error(`ssh2 was loaded before its edits: import ${import.meta.url} first`);
  let source = readFileSync(path, 'utf8');
  for (const { replace, by } of edits) {
    if (source.split(replace).length !== 2) throw new Error(`ssh2/${file} does not have the text to edit`);
    source = source.replace(replace, () => by);
  }
  const module = new Module(path) as CompilableModule;
  module.filename = path;
  module.paths = nodeModulePaths(dirname(path));
  module.injected = injected;
  require.cache[path] = module;
  try {
    module._compile(source, path);
    module.loaded = true;
  } catch (error) {
    delete require.cache[path];
    throw error;
  }
}
