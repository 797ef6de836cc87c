/** A byte that says nothing, put where another stood. */
const PLAIN = 0x61;

/**
 * Makes an input shorter and plainer for as long as `holds` is true of it. Tries at most `attempts` times.
 */
export async function shrink(
  input: Buffer,
  holds: (smaller: Buffer) => Promise<boolean>,
  attempts: number,
): Promise<Buffer> {
  let left = attempts;
  let smallest = input;
  const accept = async (candidate: Buffer): Promise<boolean> => {
    left -= 1;
    if (!(await holds(candidate))) return false;
    smallest = candidate;
    return true;
  };
  for (let size = smallest.length >> 1; size >= 1 && left > 0; size >>= 1) {
    for (let at = 0; at < smallest.length && left > 0; ) {
      const without = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]);
      if (!(await accept(without))) at += size;
    }
  }
  for (let at = 0; at < smallest.length && left > 0; at += 1) {
    if (smallest[at] === PLAIN) continue;
    const plainer = Buffer.from(smallest);
    plainer[at] = PLAIN;
    await accept(plainer);
  }
  return smallest;
}
