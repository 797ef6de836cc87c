import Module, { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { countBlocks } from './count-blocks.ts';

/** More blocks than any target has. */
const MAX_BLOCKS = 65_536;

/** Blocks of one file: numbers from `first` on. */
interface CountedFile {
  readonly file: string;
  readonly first: number;
  readonly blocks: number;
}

/** What the code that is being fuzzed tells of itself. */
export interface Instrumentation {
  /** How often each block has run since somebody last set this to zero. */
  readonly hits: Uint32Array;
  /** Blocks of all files that have been loaded so far. */
  readonly blocks: number;
  readonly files: readonly CountedFile[];
  /** Texts and numbers that stand in the code: most of what a format's tokens are. */
  readonly literals: ReadonlySet<string | number>;
  /** Files are loaded as they are from now on; those that are loaded go on counting. */
  remove(): void;
}

interface Compiling {
  _compile(source: string, file: string, ...rest: unknown[]): unknown;
}

/**
 * Files that are loaded from now on count the blocks that they run, when `covers` says so: ES modules and TypeScript
 * by a hook of the loader, CommonJS where Node compiles it, so that what is edited on its way is counted as well.
 */
export function instrument(covers: (file: string) => boolean): Instrumentation {
  const hits = sharedHits();
  const literals = new Set<string | number>();
  const files: CountedFile[] = [];
  const counted = (source: string, file: string, script: boolean) => {
    const first = allocated();
    const result = countBlocks(source, { script, first });
    files.push({ file, first, blocks: result.blocks });
    allocate(result.blocks);
    for (const literal of result.literals) literals.add(literal);
    return result.source;
  };
  const hooks = registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      const isModule = loaded.format === 'module' || loaded.format === 'module-typescript';
      if (!isModule || !url.startsWith('file:') || !covers(fileURLToPath(url))) return loaded;
      return { ...loaded, source: counted(textOf(loaded.source), fileURLToPath(url), false) };
    },
  });
  const prototype = Module.prototype as unknown as Compiling;
  const compile = prototype._compile;
  prototype._compile = function (this: unknown, source, file, ...rest) {
    return compile.call(this, covers(file) ? counted(source, file, true) : source, file, ...rest);
  };
  return {
    hits,
    get blocks() {
      return allocated();
    },
    files,
    literals,
    remove: () => {
      hooks.deregister();
      prototype._compile = compile;
    },
  };
}

interface Shared {
  __hits?: Uint32Array;
  __blocks?: number;
}

/** One for the process: the code refers to it by a global name, which needs no declaration in any kind of file. */
function sharedHits(): Uint32Array {
  const shared = globalThis as Shared;
  shared.__hits ??= new Uint32Array(MAX_BLOCKS);
  return shared.__hits;
}

const allocated = (): number => (globalThis as Shared).__blocks ?? 0;

function allocate(blocks: number): void {
  const total = allocated() + blocks;
  if (total > MAX_BLOCKS) throw new Error(`There are more than ${MAX_BLOCKS} blocks. Cover fewer files.`);
  (globalThis as Shared).__blocks = total;
}

function textOf(source: unknown): string {
  if (typeof source === 'string') return source;
  return Buffer.from(source as Uint8Array).toString('utf8');
}
