import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { inTransaction } from '../../src/database/pool.ts';
import { encodeFile } from '../../src/pipeline/encode/encode-file.ts';
import { rowPrefix } from '../../src/pipeline/encode/row-prefix.ts';
import { loadFile } from '../../src/pipeline/load/load-file.ts';
import { readRecords } from '../../src/pipeline/read/read-file.ts';
import { compileTransform } from '../../src/pipeline/transform/compile.ts';
import { applyTables } from '../../src/schemas/apply-tables.ts';
import { DEFAULT_TRANSFORMER } from '../../src/schemas/transformer-spec.ts';
import { newUploadId, type OrganizationId } from '../../src/support/ids.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { fuzzed, KINDS } from './support.ts';

const instant = fc
  .date({ min: new Date('0001-01-02T00:00:00Z'), max: new Date('9999-12-30T00:00:00Z'), noInvalidDate: true })
  .chain((date) =>
    fc
      .tuple(fc.nat(999_999), fc.constantFrom('Z', '+00:00', '-05:00', '+05:45', '+15:59', '-15:59'))
      .map(
        ([micros, offset]) =>
          `${date.toISOString().slice(0, 19)}.${String(micros).padStart(6, '0')}${offset}`,
      ),
  );
const digits = (max: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: max });
const money = fc
  .tuple(fc.boolean(), digits(15), fc.option(digits(4), { nil: undefined }))
  .map(
    ([negative, whole, fraction]) =>
      `${negative ? '-' : ''}${whole}${fraction === undefined ? '' : `.${fraction}`}`,
  );
const maybe = (text: fc.Arbitrary<string>) => fc.option(text, { nil: '' });

const row = fc.record({
  note: maybe(fc.string({ unit: 'grapheme', maxLength: 50 }).map((text) => text.replaceAll('\0', ''))),
  size: maybe(fc.constantFrom('small', 'very_large')),
  count: maybe(fc.bigInt(0n, 2n ** 63n - 1n).map(String)),
  money: maybe(money),
  day: maybe(instant.map((text) => text.slice(0, 10))),
  begun: maybe(instant),
  zone: maybe(fc.constantFrom('Europe/Paris', 'UTC')),
  currency: maybe(fc.constantFrom('EUR', 'JPY')),
  paid: maybe(fc.constantFrom('true', 'false')),
  extra: maybe(
    fc.object({ maxDepth: 1 }).map((value) => JSON.stringify(value).replace(/\\u[0-9a-f]{4}/g, '')),
  ),
});

/** The encoders are compared with PostgreSQL's own reading of text; the fuzzer only holds two ways to them. */
describe('A value written for a binary COPY', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let organizations = 0;

  before(async () => {
    database = await migratedDatabase();
    await applyTables(database.pool, { types: [KINDS], get: () => KINDS });
  });
  after(() => database.close());

  async function load(organizationId: OrganizationId, csv: Buffer, small: boolean): Promise<void> {
    const subject = {
      organizationId,
      uploadId: newUploadId(),
      schemaType: KINDS.name,
      table: KINDS.table,
      receivedAt: '2026-02-20 10:15:00.123456+00',
    };
    const prefix = rowPrefix(subject, KINDS.columns.length);
    const encoding = { format: 'csv' as const, schema: KINDS, spec: DEFAULT_TRANSFORMER, prefix };
    const { rows, faults } = await inTransaction(database.pool, (client) =>
      loadFile({
        client,
        ...encoding,
        subject,
        repeats: false,
        prefixBytes: prefix.length,
        encode: () => encodeFile(Readable.from([csv]), encoding),
        read: () => readRecords(Readable.from([csv]), 'csv', KINDS, DEFAULT_TRANSFORMER),
        report: { add: async () => undefined },
        isSmall: () => small,
      }),
    );
    assert.equal(rows.rejected, 0, JSON.stringify(faults));
  }

  /** The same rows by an INSERT of what the transformer makes of them, as text. */
  async function insert(organizationId: OrganizationId, csv: Buffer): Promise<void> {
    const transform = compileTransform(KINDS, DEFAULT_TRANSFORMER);
    const names = KINDS.columns.map(({ name }) => name).join(', ');
    const places = KINDS.columns.map((_, index) => `$${index + 4}`).join(', ');
    for await (const { records } of readRecords(Readable.from([csv]), 'csv', KINDS, DEFAULT_TRANSFORMER)) {
      for (const record of records) {
        const result = transform(record);
        assert.ok(result.ok);
        await database.pool.query(
          `INSERT INTO public.kinds (organization_id, _line, _upload_id, _received_at, ${names})
           VALUES ($1, $2, $3, '2026-02-20 10:15:00.123456+00', ${places})`,
          [organizationId, record.line, newUploadId(), ...result.values],
        );
      }
    }
  }

  async function differences(one: OrganizationId, other: OrganizationId): Promise<unknown[]> {
    const columns = KINDS.columns.map(({ name, type }) =>
      type === 'number' ? `${name}::text AS ${name}` : name,
    );
    const select = (place: number) =>
      `SELECT _line, _received_at, ${columns.join(', ')} FROM public.kinds WHERE organization_id = $${place}`;
    const sql = `(${select(1)} EXCEPT ${select(2)}) UNION ALL (${select(2)} EXCEPT ${select(1)})`;
    return (await database.pool.query(sql, [one, other])).rows;
  }

  it('is what PostgreSQL reads from its text, in a COPY and in an array', () =>
    fuzzed(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        organizations += 1;
        const [copied, merged, inserted] = ['copied', 'merged', 'inserted'].map(
          (name) => `${name}-${organizations}` as OrganizationId,
        ) as [OrganizationId, OrganizationId, OrganizationId];
        const names = [
          'note',
          'size',
          'count',
          'money',
          'day',
          'begun',
          'zone',
          'currency',
          'paid',
          'extra',
        ] as const;
        const lines = rows.map((given, index) =>
          [`A-${index}`, ...names.map((name) => `"${given[name].replaceAll('"', '""')}"`)].join(','),
        );
        const csv = Buffer.from(`id,${names.join(',')}\n${lines.join('\n')}\n`);
        await load(copied, csv, false);
        await load(merged, csv, true);
        await insert(inserted, csv);
        assert.deepEqual(await differences(copied, inserted), []);
        assert.deepEqual(await differences(merged, inserted), []);
      }),
    ));
});
