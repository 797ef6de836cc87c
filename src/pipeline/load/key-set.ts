import type { CopyRows } from '../encode/copy-rows.ts';

const FIRST_SLOTS = 1 << 12;
/** 4 million keys take 64 MB. A file with more goes the way that needs no proof. */
const MAX_KEYS = 4_000_000;
/** Keys that were made to collide would be searched for long; they are called repeats, which only costs time. */
const MAX_PROBES = 64;

/**
 * Tells which rows of a file may repeat the key of an earlier one. Keys are known by 64 bits of hash, so a row may
 * be called a repeat that is none; no repeat is ever missed.
 */
export class KeySet {
  #slots = new Int32Array(2 * FIRST_SLOTS);
  #count = 0;
  /** Nothing more can be told to be new. */
  #full = false;

  /** Adds a row's key; false when it may be there already. */
  add(rows: CopyRows, row: number): boolean {
    if (this.#full) return false;
    if (this.#count * 2 >= this.#slots.length / 2) this.#grow();
    const first = rows.hashes[2 * row] as number;
    // Zero is for empty slots.
    const second = (rows.hashes[2 * row + 1] as number) | 1;
    const added = insert(this.#slots, first, second);
    if (added) this.#count += 1;
    this.#full ||= this.#count >= MAX_KEYS;
    return added;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(before.length * 2);
    for (let at = 0; at < before.length; at += 2) {
      const second = before[at + 1] as number;
      // A key that finds no place any more could come again unseen.
      if (second !== 0 && !insert(this.#slots, before[at] as number, second)) this.#full = true;
    }
  }
}

function insert(slots: Int32Array, first: number, second: number): boolean {
  const mask = slots.length - 1;
  let at = (first * 2) & mask;
  for (let probe = 0; probe < MAX_PROBES; probe += 1) {
    if (slots[at + 1] === 0) {
      slots[at] = first;
      slots[at + 1] = second;
      return true;
    }
    if (slots[at] === first && slots[at + 1] === second) return false;
    at = (at + 2) & mask;
  }
  return false;
}
