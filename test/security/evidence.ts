import { readFile } from 'node:fs/promises';

/** Everything that a run has left, by where it was found; looked through for what must not be there. */
export class Evidence {
  readonly #pieces: (readonly [where: string, bytes: Buffer])[] = [];

  add(where: string, content: string | Uint8Array): void {
    this.#pieces.push([where, Buffer.from(content)]);
  }

  get size(): number {
    return this.#pieces.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  }

  /** Where the text stands, in whatever form programs write such things. */
  find(text: string, among: RegExp = /.*/): string[] {
    if (text.length < 4) throw new Error('That would be found everywhere.');
    const forms = formsOf(text);
    return this.#pieces
      .filter(([where]) => among.test(where))
      .flatMap(([where, bytes]) =>
        Object.entries(forms)
          .filter(([form, written]) => (form === 'plain' || written !== text) && bytes.includes(written))
          .map(([form]) => `${where} (${form})`),
      );
  }
}

/** As it is, in URLs, in JSON, and as bytes in hexadecimal and base64, wherever in a base64 text it begins. */
export function formsOf(text: string): Readonly<Record<string, string>> {
  const bytes = Buffer.from(text);
  return {
    plain: text,
    'in a URL': encodeURIComponent(text),
    'in JSON': JSON.stringify(text).slice(1, -1),
    hexadecimal: bytes.toString('hex'),
    HEXADECIMAL: bytes.toString('hex').toUpperCase(),
    ...Object.fromEntries([0, 1, 2].map((before) => [`base64 after ${before}`, base64Within(bytes, before)])),
  };
}

/** The digits that depend on nothing but these bytes when `before` bytes (modulo 3) come before them. */
function base64Within(bytes: Buffer, before: number): string {
  const skipped = (3 - before) % 3;
  const whole = bytes.subarray(skipped, bytes.length - ((bytes.length - skipped) % 3));
  return whole.toString('base64');
}

/** The process and all that it has started, as far as they still run. */
export async function processTree(root: number, pids: readonly number[]): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    // The name of a program stands in parentheses and may have any characters.
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    if (Number.isInteger(parent)) parents.set(pid, parent);
  }
  const tree = [root];
  for (const known of tree) for (const [pid, parent] of parents) if (parent === known) tree.push(pid);
  return tree;
}
