import assert from 'node:assert/strict';
import { applyTables } from '../../src/schemas/apply-tables.ts';
import type { Catalogue } from '../../src/schemas/catalogue.ts';
import type { Column, SchemaType } from '../../src/schemas/schema-type.ts';
import { KINDS } from '../pipeline/support.ts';
import { emptyDatabase, type TestDatabase } from '../support/database.ts';

/** The schema type with some columns changed, added (by a new name) or left out (undefined). */
function changed(columns: Readonly<Record<string, Partial<Column> | undefined>>): SchemaType {
  const kept = KINDS.columns.filter(({ name }) => !(name in columns && columns[name] === undefined));
  const known = new Set(KINDS.columns.map(({ name }) => name));
  const added = Object.entries(columns).filter(([name, column]) => !known.has(name) && column !== undefined);
  const [template] = KINDS.columns;
  assert.ok(template);
  return {
    ...KINDS,
    columns: [
      ...kept.map((column) => ({ ...column, ...columns[column.name] })),
      ...added.map(([name, column]) => ({ ...template, ...column, name })),
    ],
  };
}

describe("A schema type's table", () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await emptyDatabase();
    assert.deepEqual(await apply(KINDS), ['create table kinds with 12 columns, key organization_id, id']);
  });
  afterEach(() => database.close());

  const apply = (schema: SchemaType) => {
    const catalogue: Catalogue = { types: [schema], get: () => schema };
    return applyTables(database.pool, catalogue);
  };

  const columns = async () => {
    const sql = `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required, col_description(attrelid, attnum) AS comment
                   FROM pg_attribute WHERE attrelid = 'public.kinds'::regclass AND attnum > 0`;
    const result = await database.pool.query<{
      name: string;
      type: string;
      required: boolean;
      comment: string | null;
    }>(sql);
    return new Map(result.rows.map((row) => [row.name, row]));
  };

  it('has the columns of its file and what every row carries', async () => {
    const found = await columns();
    assert.deepEqual(
      [...found.keys()],
      ['organization_id', ...KINDS.columns.map(({ name }) => name), '_upload_id', '_line', '_received_at'],
    );
    assert.deepEqual(found.get('money'), {
      name: 'money',
      type: 'numeric(19,4)',
      required: false,
      comment: 'd',
    });
    assert.equal(found.get('id')?.required, true);
  });

  it('is left alone when nothing changed', async () => {
    assert.deepEqual(await apply(KINDS), []);
  });

  it('gets new columns, wider numbers and fewer obligations, and loses nothing', async () => {
    const wider = changed({
      money: { precision: 24, scale: 6, sqlType: 'numeric(24,6)' },
      colour: { required: true },
      note: undefined,
    });
    assert.deepEqual(await apply(wider), [
      'widen kinds.money from numeric(19,4) to numeric(24,6)',
      'add column kinds.colour text',
    ]);
    const found = await columns();
    assert.equal(found.get('money')?.type, 'numeric(24,6)');
    assert.equal(found.get('colour')?.required, false, 'rows that are there have no value for it');
    assert.ok(found.has('note'), 'a column that left the file stays in the table');
    assert.deepEqual(await apply(wider), []);
  });

  it('is never narrowed: the error says what to do', async () => {
    await assert.rejects(
      apply(changed({ money: { precision: 10, scale: 2, sqlType: 'numeric(10,2)' } })),
      /kinds\.money is numeric\(19,4\).*Restore the type/,
    );
    await assert.rejects(
      apply(changed({ count: { sqlType: 'text', type: 'string' } })),
      /kinds\.count is bigint, and kinds\.yaml wants text/,
    );
  });
});
