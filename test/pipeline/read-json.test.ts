import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { FileFault } from '../../src/schemas/faults.ts';
import { KINDS, readAll } from './support.ts';

const rejects = (content: string, code: string, message: RegExp) =>
  assert.rejects(readAll('json', content, { schema: KINDS }), (error: FileFault) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });

const valuesOf = async (content: string) =>
  (await readAll('json', content, { schema: KINDS })).records.map(({ values }) => values);

describe('The JSON reader', () => {
  it('returns any records as they were written, however their bytes are cut', async () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 400 })
      .filter((value) => !value.includes('\0'));
    const record = fc.record({ a: text, b: text, c: text }, { noNullPrototype: true });
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 10 }),
        fc.array(fc.nat(), { maxLength: 10 }),
        async (given, cuts) => {
          const { records } = await readAll('json', JSON.stringify(given), { cuts });
          assert.deepEqual(
            records.map(({ values }) => ({ a: values[0], b: values[1], c: values[2] })),
            given,
          );
        },
      ),
      { numRuns: 200 },
    );
  });

  for (const key of ['data', 'records', 'items', 'rows']) {
    it(`takes an array in "${key}", whatever else stands beside it`, async () => {
      const content = `{"meta":{"data":[1,[2]],"n":1},"note":"x","${key}":[{"id":"A"},{"id":"B"}],"after":[{"id":"C"}],"end":null}`;
      assert.deepEqual(
        (await valuesOf(content)).map((values) => values[0]),
        ['A', 'B'],
      );
    });
  }

  it('keeps numbers as they are written', async () => {
    const [values] = await valuesOf('[{"id":12345678901234567890,"money":10.10,"count":1e3}]');
    assert.deepEqual([values?.[0], values?.[4], values?.[3]], ['12345678901234567890', '10.10', '1e3']);
  });

  it('reads booleans as text and takes null, "" and absent alike', async () => {
    const [values] = await valuesOf('[{"id":"A","paid":true,"note":null,"size":""}]');
    assert.deepEqual([values?.[10], values?.[1] ?? null, values?.[2] ?? null], ['true', null, null]);
  });

  it('keeps nested values as JSON text, their numbers exact', async () => {
    const [values] = await valuesOf(
      '[{"id":"A","extra": {"x" : [1.10, {"y":"\\"q\\""}, true, null], "z":{} } }]',
    );
    assert.equal(values?.[11], '{"x":[1.10,{"y":"\\"q\\""},true,null],"z":{}}');
  });

  it('marks a record that is no object, or has one column twice, and goes on', async () => {
    const { records } = await readAll(
      'json',
      '[1,["x"],{"id":"A","Order ID":"B"},{"id":"A","id":"B"},{"id":"C"}]',
      { schema: KINDS },
    );
    assert.deepEqual(
      records.map((record) => record.fault?.code),
      ['NOT_AN_OBJECT', 'NOT_AN_OBJECT', 'DUPLICATE_KEY', 'DUPLICATE_KEY', undefined],
    );
    assert.match(records[2]?.fault?.message ?? '', /"id" and "Order ID", which both mean id/);
    assert.deepEqual(
      records.map(({ line }) => line),
      [1, 2, 3, 4, 5],
    );
  });

  it('is not confused by keys that mean something to JavaScript', async () => {
    const { records, unknown } = await readAll(
      'json',
      '[{"id":"A","__proto__":{"id":"x"},"constructor":1,"toString":2}]',
      { schema: KINDS },
    );
    assert.equal(records[0]?.values[0], 'A');
    assert.deepEqual(unknown, ['__proto__', 'constructor', 'toString']);
  });

  describe('refuses, each with a code and what to do,', () => {
    it('JSON that stops in the middle, wherever that is', async () => {
      const whole = '{"data":[{"id":"A","extra":{"x":[1]}},{"id":"B"}]}';
      for (let length = 1; length < whole.length; length += 1) {
        await rejects(whole.slice(0, length), 'TRUNCATED_JSON', /cut off/);
      }
    });
    it('what is not JSON', () => rejects('[{"id" 1}]', 'INVALID_JSON', /near record 1/));
    for (const [content, message] of [
      ['[{"id":"A"},4,5a', /near record 2/],
      ['[{"id":"A"},70 ', /after 1 complete records/],
    ] as const)
      it(`at the same record, wherever the network cuts it: ${content}`, async () => {
        const cuts = [[], ...Array.from(content, (_, at) => [at])];
        for (const at of cuts)
          await assert.rejects(readAll('json', content, { schema: KINDS, cuts: at }), message);
      });
    it('data after the end', () => rejects('[{"id":"A"}] [1]', 'TRAILING_DATA', /more after the end/));
    it('a single value', () => rejects('"text"', 'NO_RECORDS', /single value/));
    it('an object without records', () =>
      rejects('{"orders":[{"id":"A"}]}', 'NO_RECORDS', /"data", "records", "items" or "rows"/));
    it('an empty array', () => rejects('{"data":[]}', 'NO_ROWS', /no records/));
    it('an empty file', () => rejects('  \n', 'EMPTY_FILE', /empty/));
    it('nesting without end', () =>
      rejects(`[{"id":"A","extra":${'['.repeat(200_000)}`, 'NESTING_TOO_DEEP', /32 levels/));
    it('a string without end', () =>
      rejects(`[{"id":"${'x'.repeat(3_000_000)}`, 'RECORD_TOO_LARGE', /Record 1/));
    it('a record without end', () =>
      rejects(`[{"id":"A","extra":[${'"xxxxxxxxxx",'.repeat(200_000)}`, 'RECORD_TOO_LARGE', /Record 1/));
    it('more keys than make sense', () =>
      rejects(
        `[{${Array.from({ length: 1_001 }, (_, index) => `"k${index}":1`).join(',')}}]`,
        'TOO_MANY_COLUMNS',
        /1000 keys/,
      ));
  });
});
