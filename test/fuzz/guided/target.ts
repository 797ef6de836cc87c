/** Something that takes bytes from outside, and what has to hold whatever they are. */
export interface Target {
  /** Valid inputs, one for each thing that the format can say: where the search begins. */
  readonly seeds: readonly (string | Uint8Array)[];
  /** Words of the format that do not stand in the code as they are. */
  readonly tokens?: readonly (string | Uint8Array)[];
  /** Longest input that is tried. */
  readonly maxBytes?: number;
  /** Rejects when something does not hold. */
  check(input: Buffer): Promise<void> | void;
  /** Rejects when the inputs together have left something behind. */
  settle?(): Promise<void>;
  close?(): Promise<void>;
}
