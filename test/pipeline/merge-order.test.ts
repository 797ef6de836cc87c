import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { inTransaction, type Pool } from '../../src/database/pool.ts';
import { encodeFile } from '../../src/pipeline/encode/encode-file.ts';
import { rowPrefix } from '../../src/pipeline/encode/row-prefix.ts';
import { forgetLoad } from '../../src/pipeline/load/forget-load.ts';
import type { LoadSubject } from '../../src/pipeline/load/ledger.ts';
import { type LoadOutcome, loadFile } from '../../src/pipeline/load/load-file.ts';
import { readRecords } from '../../src/pipeline/read/read-file.ts';
import { applyTables } from '../../src/schemas/apply-tables.ts';
import { parseSchemaFile } from '../../src/schemas/schema-file.ts';
import { DEFAULT_TRANSFORMER } from '../../src/schemas/transformer-spec.ts';
import { newUploadId, type OrganizationId } from '../../src/support/ids.ts';
import { migratedDatabase, type TestDatabase } from '../support/database.ts';
import { fuzzed } from './support.ts';

const SCHEMA = parseSchemaFile(
  'prices.yaml',
  `
name: prices
title: Prices
description: A key of three types, and a value.
fields:
  - { name: shop, type: string, description: d, example: x, constraints: { required: true } }
  - { name: day, type: date, description: d, example: "2026-02-20", constraints: { required: true } }
  - { name: number, type: number, description: d, example: "1.5", constraints: { required: true } }
  - { name: price, type: number, description: d, example: "1.5" }
primaryKey: [shop, day, number]
piing: { table: prices }
`,
);

type Policy = 'update' | 'ignore' | 'reject';

/** `[shop, number as the file writes it, price]` */
type Row = readonly [string, string, number | null];

interface File {
  readonly rows: readonly Row[];
  /** Minutes after noon; two may be received in the same instant. */
  readonly receivedAt: number;
}

const row = fc.tuple(
  fc.constantFrom('a', 'b', 'ä'),
  fc.constantFrom('1', '1.0', '1.00', '2', '3.5'),
  fc.option(fc.nat(3), { nil: null }),
);
const files = fc.array(
  fc.record({
    rows: fc.array(row, { minLength: 1, maxLength: 12 }),
    receivedAt: fc.nat(3),
    repeats: fc.option(fc.nat()),
  }),
  { minLength: 1, maxLength: 4 },
);
/** Some of the files are others again. */
const withRepeats = (given: readonly (File & { readonly repeats: number | null })[]): File[] =>
  given.map((file, index) =>
    file.repeats === null || index === 0
      ? file
      : { ...file, rows: given[file.repeats % index]?.rows ?? file.rows },
  );
/** What happens to one of the files: a run, a run whose worker dies before it commits, a replay; small or large. */
const step = fc.record({
  file: fc.nat(),
  kind: fc.constantFrom('run', 'dies', 'replay'),
  small: fc.boolean(),
  alongside: fc.boolean(),
});

describe('The merge', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let organizations = 0;

  before(async () => {
    database = await migratedDatabase();
    await applyTables(database.pool, { types: [SCHEMA], get: () => SCHEMA });
  });
  after(() => database.close());

  class Uploads {
    readonly organizationId = `org-${++organizations}` as OrganizationId;
    readonly subjects: readonly LoadSubject[];
    readonly #files: readonly File[];
    readonly #policy: Policy;
    readonly #pool: Pool = database.pool;

    constructor(files: readonly File[], policy: Policy) {
      this.#files = files;
      this.#policy = policy;
      this.subjects = files.map(({ receivedAt }) => ({
        organizationId: this.organizationId,
        uploadId: newUploadId(),
        schemaType: SCHEMA.name,
        table: SCHEMA.table,
        receivedAt: `2026-02-20 12:0${receivedAt}:00.000001+00`,
      }));
    }

    run(index: number, { small = true, dies = false, repeats = index % 3 !== 2 } = {}): Promise<LoadOutcome> {
      const subject = this.subjects[index] as LoadSubject;
      const prefix = rowPrefix(subject, SCHEMA.columns.length);
      const spec = { ...DEFAULT_TRANSFORMER, onDuplicate: this.#policy };
      const bytes = () => Readable.from([csv(this.#files[index]?.rows ?? [])]);
      return inTransaction(this.#pool, async (client) => {
        const outcome = await loadFile({
          client,
          schema: SCHEMA,
          spec,
          subject,
          // Worth a look or not: what is found decides.
          repeats,
          prefixBytes: prefix.length,
          encode: () => encodeFile(bytes(), { format: 'csv', schema: SCHEMA, spec, prefix }),
          read: () => readRecords(bytes(), 'csv', SCHEMA, spec),
          report: { add: async () => undefined },
          // Of every other large file the first rows are seen before it is decided how to load it.
          isSmall: (rows) => small || (index % 2 === 1 && rows === 0),
        });
        if (dies) throw new WorkerDied();
        return outcome;
      });
    }

    replay(index: number, small: boolean, repeats?: boolean): Promise<unknown> {
      return forgetLoad(this.#pool, this.organizationId, this.subjects[index]?.uploadId as never).then(() =>
        this.run(index, { small, ...(repeats === undefined ? {} : { repeats }) }),
      );
    }

    async table(): Promise<unknown[]> {
      const { rows } = await this.#pool.query(
        `SELECT shop, number::float8 AS number, price::float8 AS price, _line AS line,
                COALESCE(c.confirmed_by, p._upload_id) AS upload
           FROM public.prices p LEFT JOIN public.load_confirmations c
             ON c.organization_id = p.organization_id AND c.upload_id = p._upload_id
          WHERE p.organization_id = $1 ORDER BY shop COLLATE "C", number`,
        [this.organizationId],
      );
      return rows;
    }

    /** What the table has to be, told without SQL. */
    expected(): unknown[] {
      const winners = new Map<string, { order: string; row: Record<string, unknown> }>();
      const later = this.#policy === 'update';
      for (const [index, { rows, receivedAt }] of this.#files.entries()) {
        for (const [at, [shop, number, price]] of rows.entries()) {
          const line = at + 2;
          const upload = this.subjects[index]?.uploadId as string;
          const order = `${receivedAt}/${upload}/${String(line).padStart(4, '0')}`;
          const key = `${shop}/${Number(number)}`;
          const first = winners.get(key);
          if (!first || (later ? order > first.order : order < first.order))
            winners.set(key, { order, row: { shop, number: Number(number), price, upload, line } });
        }
      }
      const byKey = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);
      return [...winners].sort(byKey).map(([, winner]) => winner.row);
    }
  }

  for (const policy of ['update', 'ignore'] as const) {
    it(`ends in one table whatever the order of workers, retries, replays and repeats (${policy})`, () =>
      fuzzed(
        fc.asyncProperty(files, fc.array(step, { maxLength: 12 }), async (drawn, steps) => {
          const given = withRepeats(drawn);
          const uploads = new Uploads(given, policy);
          const every = given.map((_, file) => ({
            file,
            kind: 'run' as const,
            small: file % 2 === 0,
            alongside: true,
          }));
          let running: Promise<unknown>[] = [];
          for (const { file, kind, small, alongside } of [...steps, ...every]) {
            if (!alongside) await Promise.all(running.splice(0));
            const index = file % given.length;
            running.push(
              kind === 'replay'
                ? uploads.replay(index, small)
                : uploads.run(index, { small, dies: kind === 'dies' }).catch(ignoreDeath),
            );
          }
          await Promise.all(running);
          running = [];
          assert.deepEqual(await uploads.table(), uploads.expected());
        }),
      ));
  }

  it('moves no row of a large file that comes again, and yet it counts as received last', async () => {
    const rows: Row[] = [
      ['a', '1', 1],
      ['a', '2', 2],
      ['b', '1', null],
    ];
    const between: Row[] = [
      ['a', '1', 9],
      ['c', '1', 5],
    ];
    const uploads = new Uploads(
      [
        { rows, receivedAt: 1 },
        { rows, receivedAt: 3 },
        { rows: between, receivedAt: 2 },
      ],
      'update',
    );
    const places = async () => {
      const sql = 'SELECT ctid::text, xmin::text FROM public.prices WHERE organization_id = $1 ORDER BY ctid';
      return (await database.pool.query(sql, [uploads.organizationId])).rows;
    };
    await uploads.run(0, { small: false });
    const before = await places();
    const again = await uploads.run(1, { small: false, repeats: true });
    assert.deepEqual(again.rows, { total: 3, loaded: 0, unchanged: 3, rejected: 0 });
    assert.deepEqual(await places(), before);
    await database.pool.query(
      'UPDATE public.prices SET price = 7 WHERE organization_id = $1 AND number = 2',
      [uploads.organizationId],
    );
    await uploads.replay(1, false, true);
    await uploads.run(2, { small: false });
    assert.deepEqual(await uploads.table(), uploads.expected(), 'also what hands had changed');
  });

  it('counts the same by every way: rows that are new, rows that change nothing, rows that lose', async () => {
    const first = {
      rows: [
        ['a', '1', 1],
        ['a', '2', 2],
        ['b', '1', 3],
      ] as Row[],
      receivedAt: 1,
    };
    const second = {
      rows: [
        ['a', '1.0', 1],
        ['a', '2', 9],
        ['b', '2', 1],
        ['b', '2.0', 2],
      ] as Row[],
      receivedAt: 2,
    };
    for (const small of [true, false]) {
      const uploads = new Uploads([first, second], 'update');
      assert.deepEqual((await uploads.run(0, { small })).rows, {
        total: 3,
        loaded: 3,
        unchanged: 0,
        rejected: 0,
      });
      assert.deepEqual((await uploads.run(1, { small })).rows, {
        total: 4,
        loaded: 2,
        unchanged: 2,
        rejected: 0,
      });
      assert.deepEqual((await uploads.run(1, { small })).rows, {
        total: 4,
        loaded: 2,
        unchanged: 2,
        rejected: 0,
      });
      await uploads.replay(0, small);
      assert.deepEqual(await uploads.table(), uploads.expected());
      const ignoring = new Uploads([first, second], 'ignore');
      await ignoring.run(0, { small });
      assert.deepEqual((await ignoring.run(1, { small })).rows, {
        total: 4,
        loaded: 1,
        unchanged: 3,
        rejected: 0,
      });
    }
  });

  it('refuses repeats, of another file and within one, where the enablement says so', async () => {
    const first = {
      rows: [
        ['a', '1', 1],
        ['a', '2', 2],
      ] as Row[],
      receivedAt: 1,
    };
    const second = {
      rows: [
        ['b', '1', 1],
        ['a', '2.0', 9],
        ['b', '1.00', 2],
      ] as Row[],
      receivedAt: 2,
    };
    for (const small of [true, false]) {
      const uploads = new Uploads([first, second], 'reject');
      await uploads.run(0, { small });
      const { rows, faults } = await uploads.run(1, { small });
      assert.deepEqual(rows, { total: 3, loaded: 1, unchanged: 0, rejected: 2 });
      assert.deepEqual(
        faults.map(({ code, line }) => [code, line]),
        [
          ['DUPLICATE_ROW', 3],
          ['DUPLICATE_ROW', 4],
        ],
      );
    }
  });

  it('merges an upload again after it was forgotten, and not before', async () => {
    const uploads = new Uploads([{ rows: [['a', '1', 1]], receivedAt: 1 }], 'update');
    await uploads.run(0);
    await database.pool.query('UPDATE public.prices SET price = 7 WHERE organization_id = $1', [
      uploads.organizationId,
    ]);
    await uploads.run(0);
    assert.deepEqual(
      (await uploads.table()).map((found) => (found as { price: number }).price),
      [7],
    );
    await uploads.replay(0, true);
    assert.deepEqual(await uploads.table(), uploads.expected());
  });
});

class WorkerDied extends Error {}

function ignoreDeath(error: unknown): void {
  if (!(error instanceof WorkerDied)) throw error;
}

function csv(rows: readonly Row[]): Buffer {
  const lines = rows.map(([shop, number, price]) => `${shop},2026-02-20,${number},${price ?? ''}`);
  return Buffer.from(['shop,day,number,price', ...lines, ''].join('\n'));
}
