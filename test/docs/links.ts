import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';

/** A relative link of a page, and the line on which it stands. */
export interface Link {
  readonly page: string;
  readonly line: number;
  readonly target: string;
}

/** README.md, CONTRIBUTING.md and every page below docs/, relative to `root`. */
export async function pagesBelow(root: string): Promise<string[]> {
  const found = await readdir(join(root, 'docs'), { recursive: true });
  const pages = found.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  return ['README.md', 'CONTRIBUTING.md', ...pages.sort()];
}

export function linksOf(page: string, markdown: string): Link[] {
  return proseLines(markdown).flatMap((text, index) =>
    Array.from(text.replaceAll(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => ({ page, line: index + 1, target })),
  );
}

/** The anchors that GitHub gives to the headings of a page. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const line of proseLines(markdown)) {
    const heading = /^#{1,6} (.*)$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = text.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** The file or folder that a link leads to, relative to the root. */
export function pathOf({ page, target }: Link): string {
  const [path = ''] = target.split('#');
  return path === '' ? page : normalize(join(dirname(page), decodeURIComponent(path))).replace(/\/$/, '');
}

/** Why a link leads nowhere; undefined when it does lead somewhere. */
export async function faultOf(root: string, link: Link): Promise<string | undefined> {
  const path = pathOf(link);
  const [, anchor] = link.target.split('#');
  if (path.startsWith('..') || !existsSync(join(root, path))) return `there is no ${path}`;
  if (anchor === undefined) return undefined;
  return anchorsOf(await readFile(join(root, path), 'utf8')).has(anchor)
    ? undefined
    : `${path} has no heading for #${anchor}`;
}

/** The lines of a page, those of fenced blocks empty. */
function proseLines(markdown: string): string[] {
  let fenced = false;
  return markdown.split('\n').map((line) => {
    const fence = /^\s*```/.test(line);
    if (fence) fenced = !fenced;
    return fence || fenced ? '' : line;
  });
}
