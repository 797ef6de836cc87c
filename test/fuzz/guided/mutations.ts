import type { Random } from '../../faults/random.ts';

/** Bytes and lengths at which parsers are wrong. */
const EDGES = [0, 1, 9, 10, 13, 32, 34, 44, 48, 58, 92, 126, 127, 128, 192, 239, 254, 255];
const WIDE_EDGES = [0, 1, 127, 128, 255, 256, 32_767, 32_768, 65_535, 0x7fffffff, 0x80000000, 0xffffffff];
const NUMBERS = [
  '0',
  '-0',
  '-1',
  '1',
  '00',
  '1e308',
  '0.1',
  '2147483648',
  '9007199254740993',
  '9'.repeat(25),
];
const MAX_REPEATS = 64;
const MAX_EDITS = 32;

interface Material {
  readonly bytes: Buffer;
  /** Another input, to take pieces from. */
  readonly other: Buffer;
  readonly tokens: readonly Buffer[];
}

type Mutation = (material: Material, random: Random) => Buffer;

/** Up to {@link MAX_EDITS} changes; every second time a single one. */
export function mutate(material: Material, maxBytes: number, random: Random): Buffer {
  let { bytes } = material;
  let edits = 1;
  while (edits < MAX_EDITS && random.chance(0.5)) edits *= 2;
  for (; edits > 0; edits -= 1)
    bytes = random
      .pick(MUTATIONS)({ ...material, bytes }, random)
      .subarray(0, maxBytes);
  return bytes;
}

const replace = (bytes: Buffer, from: number, to: number, by: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(to)]);

const place = (bytes: Buffer, random: Random): number => random.between(0, bytes.length);

/** A piece of some bytes, most often short. */
function range(bytes: Buffer, random: Random): [number, number] {
  const from = place(bytes, random);
  const most = bytes.length - from;
  return [from, from + random.between(0, random.chance(0.75) ? Math.min(most, 16) : most)];
}

const randomBytes = (count: number, random: Random): Buffer =>
  Buffer.from(Array.from({ length: count }, () => random.between(0, 255)));

/** Changes one byte where it stands. */
const onByte =
  (change: (byte: number, random: Random) => number): Mutation =>
  ({ bytes }, random) => {
    if (bytes.length === 0) return bytes;
    const changed = Buffer.from(bytes);
    const at = random.between(0, bytes.length - 1);
    changed[at] = change(changed[at] as number, random);
    return changed;
  };

/** A length or a number of 2 or 4 bytes. */
const wideEdge: Mutation = ({ bytes }, random) => {
  const wide = Buffer.alloc(4);
  wide.writeUInt32BE(random.chance(0.5) ? random.pick(WIDE_EDGES) : random.between(0, 300));
  const field = random.chance(0.5) ? wide : wide.subarray(2);
  const at = place(bytes, random);
  return replace(bytes, at, at + field.length, field);
};

const MUTATIONS: readonly Mutation[] = [
  onByte((byte, random) => byte ^ (1 << random.between(0, 7))),
  onByte((_, random) => random.between(0, 255)),
  onByte((_, random) => random.pick(EDGES)),
  onByte((byte, random) => byte + random.between(-16, 16)),
  wideEdge,
  // Inserted: bytes, a token.
  ({ bytes }, random) => {
    const at = place(bytes, random);
    return replace(bytes, at, at, randomBytes(random.chance(0.5) ? 1 : random.between(2, 8), random));
  },
  ({ bytes, tokens }, random) => {
    if (tokens.length === 0) return bytes;
    const at = place(bytes, random);
    return replace(bytes, at, at, random.pick(tokens));
  },
  // A token over what stands there, once or wherever it fits.
  ({ bytes, tokens }, random) => {
    if (tokens.length === 0) return bytes;
    const at = place(bytes, random);
    const token = random.pick(tokens);
    return replace(bytes, at, at + token.length, token);
  },
  // One word for another.
  ({ bytes, tokens }, random) => {
    const words = [...bytes.toString('latin1').matchAll(/[\w.-]+/g)];
    if (words.length === 0 || tokens.length === 0) return bytes;
    const word = random.pick(words);
    const by = random.chance(0.7) ? random.pick(tokens) : Buffer.from(random.pick(NUMBERS));
    return replace(bytes, word.index, word.index + word[0].length, by);
  },
  // Taken out, cut off.
  ({ bytes }, random) => replace(bytes, ...range(bytes, random), Buffer.alloc(0)),
  ({ bytes }, random) => bytes.subarray(0, place(bytes, random)),
  // Repeated.
  ({ bytes }, random) => {
    const [from, to] = range(bytes, random);
    const times = random.chance(0.8) ? random.between(1, 3) : random.between(1, MAX_REPEATS);
    const block = bytes.subarray(from, to);
    return replace(bytes, to, to, Buffer.concat(Array.from({ length: times }, () => block)));
  },
  // Moved to another place.
  ({ bytes }, random) => {
    const [from, to] = range(bytes, random);
    const rest = replace(bytes, from, to, Buffer.alloc(0));
    const at = place(rest, random);
    return replace(rest, at, at, bytes.subarray(from, to));
  },
  // Spliced: the beginning of this and the end of the other, or a piece of the other within this.
  ({ bytes, other }, random) =>
    Buffer.concat([bytes.subarray(0, place(bytes, random)), other.subarray(place(other, random))]),
  ({ bytes, other }, random) => {
    const [from, to] = random.chance(0.5) ? range(bytes, random) : [place(bytes, random), undefined];
    return replace(bytes, from, to ?? from, other.subarray(...range(other, random)));
  },
];
