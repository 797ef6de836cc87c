import fc from 'fast-check';
import type { TransformerSpec } from '../../src/schemas/transformer-spec.ts';
import { cell, cuts, edge, specs } from './fast-arbitraries.ts';
import { assertSame, fileOf } from './fast-support.ts';
import { fuzzed, KINDS } from './support.ts';

const space = fc.constantFrom('', '', '', ' ', '\n', '\r\n\t');
const literal = fc.constantFrom(
  ...[
    'true',
    'false',
    'null',
    '0',
    '-0',
    '7',
    '12.50',
    '1e3',
    '1.5E-1',
    '12345678901234567890',
    '2.0',
    '-7.25',
  ],
);
const notJson = fc.constantFrom(
  ...[
    '01',
    '-01',
    '1.',
    '.5',
    '+1',
    'nul',
    'nulll',
    'True',
    'NaN',
    '-',
    '1e',
    '1e+',
    '0x1',
    "'a'",
    '""x',
    '1 2',
  ],
);
const string = fc.tuple(cell, fc.nat(5)).map(([text, how]) => {
  const plain = JSON.stringify(text);
  if (how === 0)
    return plain.replace(/[a-zA-Z]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return how === 1 ? plain.replaceAll('/', '\\/') : plain;
});
const strange = fc.constantFrom(
  '"\\ud800"',
  '"\\u0000"',
  '"\\x"',
  '"a\nb"',
  '"\\u12"',
  '"',
  '{',
  '}',
  ']',
  ',',
  ':',
);
const nested = fc.oneof(
  fc.json({ maxDepth: 2 }),
  fc.constant(`${'['.repeat(31)}${']'.repeat(31)}`),
  fc.constant('{"a":[}]'),
);
const value = fc.oneof(
  { weight: 12, arbitrary: string },
  { weight: 6, arbitrary: literal },
  { weight: 2, arbitrary: notJson },
  { weight: 2, arbitrary: nested },
  { weight: 1, arbitrary: strange },
);
const soundValue = fc.oneof(
  { weight: 8, arbitrary: string },
  {
    weight: 3,
    arbitrary: fc.constantFrom('true', 'false', 'null', '0', '-7', '12.50', '1e3', '12345678901234567890'),
  },
  { weight: 1, arbitrary: fc.json({ maxDepth: 2 }) },
);
const key = fc.constantFrom(
  ...KINDS.columns.map(({ name }) => name),
  'Order ID',
  'ID',
  'weather',
  'k\\u0069nd',
  '__proto__',
  '',
);

const recordOf = (values: fc.Arbitrary<string>) =>
  fc.array(fc.tuple(key, values, space, space), { maxLength: 8 }).chain((members) =>
    fc.tuple(fc.constant(members), space, fc.boolean()).map(([given, gap, withId]) => {
      const texts = given.map(([name, text, a, b]) => `${a}"${name}"${b}:${a}${text}${b}`);
      return `{${[...(withId ? ['"id":"A"'] : []), ...texts].join(',')}${gap}}`;
    }),
  );
const element = fc.oneof(
  { weight: 20, arbitrary: recordOf(soundValue) },
  { weight: 3, arbitrary: recordOf(value) },
  { weight: 1, arbitrary: value },
);
const array = fc
  .array(fc.tuple(element, space, space), { maxLength: 8 })
  .map((elements) => `[${elements.map(([text, a, b]) => `${a}${text}${b}`).join(',')}]`);

const file = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(space, array, space).map((parts) => parts.join('')) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom('data', 'records', 'items', 'rows', 'other'), array, soundValue, space)
      .map(
        ([name, rows, other, gap]) =>
          `${gap}{"meta":${other},"list":[1,[2]],${gap}"${name}":${rows}${gap},"data":[{}],"n":${other}}${gap}`,
      ),
  },
  { weight: 1, arbitrary: fc.tuple(array, value).map((parts) => parts.join('')) },
);

const damaged = fc
  .tuple(
    file,
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.nat(2),
        fc.constantFrom('"', ',', '{', '}', '[', ']', ':', '\\', '\0', '\xff', '0', ' '),
      ),
      {
        maxLength: 3,
      },
    ),
    fc.option(fc.nat(), { nil: undefined }),
  )
  .map(([text, edits, cut]) => {
    let bytes = Buffer.from(text);
    for (const [place, remove, insert] of edits) {
      const at = place % (bytes.length + 1);
      bytes = Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(insert, 'latin1'),
        bytes.subarray(at + remove),
      ]);
    }
    return cut === undefined ? bytes : bytes.subarray(0, cut % (bytes.length + 1));
  });

describe('The fast way through a JSON file', function () {
  this.timeout(120_000);

  const holdsTogether = (content: Buffer, spec: Partial<TransformerSpec>, at: readonly number[]) =>
    assertSame(fileOf('json', content, spec, at));

  it('makes of any records what stream-json and the transformer make of them', () =>
    fuzzed(
      fc.asyncProperty(
        file.map((text) => Buffer.from(text)),
        specs,
        cuts,
        holdsTogether,
      ),
    ));

  it('and of values at the edge of what is plain', () => {
    const keys = fc.constantFrom(...KINDS.columns.map(({ name }) => name));
    const records = fc.array(
      fc.tuple(
        keys,
        fc.oneof(
          edge.map((text) => JSON.stringify(text)),
          literal,
          string,
        ),
      ),
      { maxLength: 20 },
    );
    const ended = fc.tuple(records, fc.tuple(keys, value)).map(([good, last]) => {
      const texts = [...good, last].map(([name, text]) =>
        name === 'id' ? `{"id":${text}}` : `{"id":"A","${name}":${text}}`,
      );
      return Buffer.from(`[${texts.join(',')}]`);
    });
    return fuzzed(fc.asyncProperty(ended, specs, fc.constant([]), holdsTogether));
  });

  it('and of damaged files, too', () => fuzzed(fc.asyncProperty(damaged, specs, cuts, holdsTogether)));

  it('and of records about as large as they may be', async () => {
    for (const length of [1_000_000, 1_048_560, 1_048_576, 1_100_000]) {
      for (const note of [`"${'x'.repeat(length)}"`, `[${'1,'.repeat(length / 2)}1]`])
        await holdsTogether(
          Buffer.from(`[{"id":"B"},{"id":"A","note":${note}},{"id":"C"}]`),
          {},
          [100, 700_000],
        );
    }
    for (const gap of [500_000, 1_000_000, 1_100_000])
      await holdsTogether(
        Buffer.from(`[{"id":"B"},${' '.repeat(gap)}{"id":"C"${' '.repeat(gap)}}]`),
        {},
        [700_000],
      );
  });
});
