/** Numbers that look random and are the same for the same seed. */
export interface Random {
  /** From 0 up to but not including `limit`. */
  below(limit: number): number;
  between(least: number, most: number): number;
  /** Of a list that is not empty. */
  oneOf<Value>(values: readonly Value[]): Value;
}

/** The generator mulberry32: 32 bits of state are plenty for a day of uploads. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    between: (least, most) => least + below(most - least + 1),
    oneOf: <Value>(values: readonly Value[]) => values[below(values.length)] as Value,
  };
}
