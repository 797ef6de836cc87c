// Bundles the uploads page of src/page/ into dist/page/, when its sources have changed: `npm run build:page`, and
// tools/setup.mjs before `npm start` and `npm test`. Prints nothing. Node 18 has to understand it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const sources = join(root, 'src', 'page');
const target = join(root, 'dist', 'page');
const assets = join(target, 'assets');
const stamp = join(target, 'sources.sha256');
/** Has the versions of Preact and of esbuild. */
const lockFile = join(root, 'package-lock.json');
const self = fileURLToPath(import.meta.url);

/** Smaller files than this do not get smaller by compression, in bytes. */
const WORTH_COMPRESSING = 1024;
const PREACT_LICENSE = '/*! Contains Preact, MIT License, Copyright (c) 2015-present Jason Miller */';

/** Builds the page if its sources have changed, and returns its directory. */
export async function buildPage() {
  const wanted = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return target;
  const names = await bundle();
  for (const name of names) compress(join(assets, name));
  writeWhole(join(target, 'index.html'), indexOf(names));
  removeOthers(names);
  writeWhole(stamp, wanted);
  return target;
}

/** Returns the names of the files, each with the hash of its content. */
async function bundle() {
  const { build } = await import('esbuild');
  const { metafile } = await build({
    entryPoints: { page: join(sources, 'main.tsx'), icon: join(sources, 'icon.svg') },
    outdir: assets,
    entryNames: '[name]-[hash]',
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['es2022', 'chrome110', 'firefox110', 'safari16'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.svg': 'copy' },
    banner: { js: PREACT_LICENSE },
    metafile: true,
    logLevel: 'warning',
  });
  return Object.keys(metafile.outputs).map((path) => basename(path));
}

/** Beside each file, for clients that take it: the server sends what lies there. */
function compress(path) {
  const content = readFileSync(path);
  if (content.length < WORTH_COMPRESSING) return;
  writeFileSync(`${path}.br`, brotliCompressSync(content));
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
}

/** The page names its files by their hashes; written last, so that whatever it names is there. */
function indexOf(names) {
  const template = readFileSync(join(sources, 'index.html'), 'utf8');
  return template.replace(/%(\w+)\.(\w+)%/g, (_, name, extension) => {
    const found = names.find((file) => file.startsWith(`${name}-`) && file.endsWith(`.${extension}`));
    if (!found) throw new Error(`src/page/index.html names ${name}.${extension}, which was not built.`);
    return `/assets/${found}`;
  });
}

function removeOthers(names) {
  const wanted = new Set(names.flatMap((name) => [name, `${name}.br`, `${name}.gz`]));
  for (const name of readdirSync(assets)) if (!wanted.has(name)) rmSync(join(assets, name), { force: true });
}

function writeWhole(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

function fingerprint() {
  const hash = createHash('sha256');
  const inputs = readdirSync(sources).sort();
  for (const path of [...inputs.map((name) => join(sources, name)), lockFile, self])
    hash.update(basename(path)).update(readFileSync(path));
  return hash.digest('hex');
}

if (process.argv[1] === self) await buildPage();
