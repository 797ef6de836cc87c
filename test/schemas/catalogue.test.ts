import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadCatalogue } from '../../src/schemas/catalogue.ts';
import { compileHeaderMatcher } from '../../src/schemas/header.ts';
import { parseSchemaFile } from '../../src/schemas/schema-file.ts';
import { DEFAULT_TRANSFORMER } from '../../src/schemas/transformer-spec.ts';
import { temporaryDirectory } from '../support/servers.ts';

const GOOD = `name: sales
title: Sales
description: Sales.
fields:
  - name: id
    type: string
    description: Number.
    example: S-1
    constraints: { required: true }
    piing: { aliases: [Sale ID] }
  - name: amount
    type: number
    description: Amount.
    example: "1.00"
primaryKey: [id]
piing:
  table: sales
`;

describe('The catalogue', () => {
  it('has the four schema types that ship, each with its columns explained', async () => {
    const { types } = await loadCatalogue('config/schemas');
    assert.deepEqual(
      types.map((type) => [type.name, type.table, type.columns.length]),
      [
        ['generic_transactions', 'generic_transactions', 10],
        ['orgShifts', 'org_shifts', 21],
        ['orgTransactionDetail', 'org_transaction_detail', 24],
        ['orgTransactions', 'org_transactions', 23],
      ],
    );
    for (const column of types.flatMap((type) => type.columns)) {
      assert.ok(column.description.length > 3 && column.example.length > 0, column.name);
    }
  });

  it('matches every sample file in config/samples', async () => {
    const catalogue = await loadCatalogue('config/schemas');
    for (const name of ['orgTransactions', 'orgTransactionDetail', 'orgShifts']) {
      const schema = catalogue.get(name);
      assert.ok(schema);
      const header = (await readFile(`config/samples/${name}.csv`, 'utf8')).split('\n')[0]?.split(',') ?? [];
      assert.deepEqual(compileHeaderMatcher(schema, DEFAULT_TRANSFORMER).matchAll(header).unknown, []);
    }
  });

  it('takes a fifth type as one more file', async () => {
    const directory = await temporaryDirectory('schemas');
    await writeFile(join(directory, 'sales.yaml'), GOOD);
    const { types } = await loadCatalogue(directory);
    assert.equal(types[0]?.columns[1]?.sqlType, 'numeric(19,4)');
  });

  it('reports every problem of every file at once', async () => {
    const directory = await temporaryDirectory('schemas');
    await writeFile(join(directory, 'a.yaml'), GOOD);
    await writeFile(join(directory, 'b.yaml'), 'name: [');
    await assert.rejects(loadCatalogue(directory), /a\.yaml:1: name: has to be the file's name, a\nb\.yaml:/);
  });

  it('refuses two types of one table, and a directory without files', async () => {
    const directory = await temporaryDirectory('schemas');
    await assert.rejects(loadCatalogue(directory), /has no schema files/);
    await assert.rejects(loadCatalogue(join(directory, 'absent')), /cannot be read.*PIING_SCHEMAS_DIR/);
    await writeFile(join(directory, 'sales.yaml'), GOOD);
    await writeFile(join(directory, 'more.yaml'), GOOD.replace('name: sales\n', 'name: more\n'));
    await assert.rejects(loadCatalogue(directory), /sales is already the table of more/);
  });

  describe('names file, line and field of', () => {
    const cases: [string, (text: string) => string, RegExp][] = [
      ['an unknown property', (text) => `${text}colour: red\n`, /sales\.yaml:1: file: .*colour/],
      [
        'an unknown type',
        (text) => text.replace('type: number', 'type: money'),
        /sales\.yaml:12: fields\.1\.type: /,
      ],
      [
        'a missing description',
        (text) => text.replace('    description: Amount.\n', ''),
        /sales\.yaml:\d+: fields\.1\.description: /,
      ],
      [
        'a column that stands there twice',
        (text) => text.replace('name: amount', 'name: id'),
        /sales\.yaml:11: fields\.1: column id stands there twice/,
      ],
      [
        'a reserved column',
        (text) => text.replace('name: amount', 'name: organization_id'),
        /organization_id is reserved/,
      ],
      [
        'a column with a name that SQL would have to quote',
        (text) => text.replace('name: amount', 'name: Amount'),
        /fields\.1\.name: has to be lower case/,
      ],
      [
        'a key that is not required',
        (text) => text.replace('primaryKey: [id]', 'primaryKey: [amount]'),
        /sales\.yaml:15: primaryKey\.0: amount has to be a required column/,
      ],
      [
        'an alias that means two columns',
        (text) => text.replace('Sale ID', 'AMOUNT'),
        /sales\.yaml:10: fields\.0\.piing\.aliases: alias "AMOUNT" already means amount/,
      ],
      [
        'a SQL type that does not hold the values',
        (text) => text.replace('example: "1.00"', 'example: "1.00"\n    piing: { sqlType: text }'),
        /fields\.1\.piing\.sqlType: text does not hold a number; use numeric\(19,4\)/,
      ],
      [
        'a rule between columns that are no times',
        (text) => `${text}  rules: [{ column: id, notBefore: amount }]\n`,
        /rules\.0\.column: id has to be a datetime column/,
      ],
      ['YAML that is broken', (text) => `${text}  - : [\n`, /sales\.yaml:\d+: /],
    ];
    for (const [what, change, message] of cases) {
      it(what, () => assert.throws(() => parseSchemaFile('sales.yaml', change(GOOD)), message));
    }
  });
});
