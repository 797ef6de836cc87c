import fc from 'fast-check';
import type { TransformerSpec } from '../../src/schemas/transformer-spec.ts';
import { cell, cuts, edge, specs } from './fast-arbitraries.ts';
import { assertSame, fileOf } from './fast-support.ts';
import { fuzzed, KINDS } from './support.ts';

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
const written = fc
  .tuple(cell, fc.boolean())
  .map(([text, always]) => (always || /[",\r\n]/.test(text) ? quoted(text) : text));
const lineEnd = fc.constantFrom('\n', '\n', '\n', '\r\n', '\r', '\n\n', '\r\n \r\n');
const columns = KINDS.columns.map(({ name }) => name);
const header = fc
  .shuffledSubarray([...columns, 'weather', '_line'], { minLength: 1 })
  .map((names) => (names.includes('id') ? names : ['id', ...names]));

/** A table with rows that mostly fit its header, ended in every way. */
const table = header.chain((names) =>
  fc
    .array(
      fc.tuple(
        fc.oneof(
          { weight: 9, arbitrary: fc.array(written, { minLength: names.length, maxLength: names.length }) },
          { weight: 1, arbitrary: fc.array(written, { maxLength: names.length + 2 }) },
        ),
        lineEnd,
      ),
      { maxLength: 12 },
    )
    .chain((rows) =>
      fc.tuple(lineEnd, fc.boolean()).map(([first, open]) => {
        const text = `${names.join(',')}${first}${rows.map(([cells, end]) => cells.join(',') + end).join('')}`;
        return open ? text.replace(/[\r\n]+$/, '') : text;
      }),
    ),
);

/** A table with a few bytes put into, taken out of or written over it. */
const damaged = fc
  .tuple(
    table,
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.nat(2),
        fc.constantFrom('"', ',', '\n', '\r', '""', '\0', '\xff', '\xc3', 'x', ';'),
      ),
      {
        maxLength: 3,
      },
    ),
  )
  .map(([text, edits]) => {
    let bytes = Buffer.from(text);
    for (const [place, remove, insert] of edits) {
      const at = place % (bytes.length + 1);
      bytes = Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(insert, 'latin1'),
        bytes.subarray(at + remove),
      ]);
    }
    return bytes;
  });

describe('The fast way through a CSV file', function () {
  this.timeout(120_000);

  const holdsTogether = (content: Buffer, spec: Partial<TransformerSpec>, at: readonly number[]) =>
    assertSame(fileOf('csv', content, spec, at));

  it('makes of any table what csv-parse and the transformer make of it: rows, faults, warnings, lines', () =>
    fuzzed(
      fc.asyncProperty(
        table.map((text) => Buffer.from(text)),
        specs,
        cuts,
        holdsTogether,
      ),
    ));

  it('and of damaged files, too', () => fuzzed(fc.asyncProperty(damaged, specs, cuts, holdsTogether)));

  it('and of values at the edge of what is plain', () => {
    const values = fc.dictionary(fc.constantFrom(...columns), edge, {
      minKeys: 1,
      maxKeys: 3,
      noNullPrototype: true,
    });
    const rows = fc.array(values, { minLength: 1, maxLength: 40 }).map((given) => {
      const lines = given.map((row) =>
        columns.map((name) => quoted(row[name] ?? (name === 'id' ? 'A' : ''))).join(','),
      );
      return Buffer.from(`${columns.join(',')}\n${lines.join('\n')}\n`);
    });
    return fuzzed(fc.asyncProperty(rows, fc.oneof(fc.constant({}), specs), fc.constant([]), holdsTogether));
  });

  it('and of bytes of any kind', () =>
    fuzzed(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([Buffer.from('id,note\n'), bytes])),
        specs,
        cuts,
        holdsTogether,
      ),
    ));

  it('and of records about as large as they may be', async () => {
    for (const length of [1_048_575, 1_048_576, 1_048_577]) {
      for (const text of [`A,${'x'.repeat(length)}\n`, `A,"${'y\n'.repeat(length / 2)}"\n`])
        await holdsTogether(Buffer.from(`id,note\nB,y\n\n${text}C,z\n`), {}, [100, 700_000]);
    }
  });
});
