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
    await assert.rejects(
      loadCatalogue(directory),
      /a\.yaml:1: name: has to be the file's name, a\.\nb\.yaml:1: is not YAML/,
    );
  });

  it('refuses two types of one table, and a directory without files', async () => {
    const directory = await temporaryDirectory('schemas');
    await assert.rejects(loadCatalogue(directory), /has no schema files/);
    await assert.rejects(loadCatalogue(join(directory, 'absent')), /cannot be read.*PIING_SCHEMAS_DIR/);
    await writeFile(join(directory, 'sales.yaml'), GOOD);
    await writeFile(join(directory, 'more.yaml'), GOOD.replace('name: sales\n', 'name: more\n'));
    await assert.rejects(
      loadCatalogue(directory),
      /^CatalogueError: sales\.yaml:17: piing\.table: sales is already the table of more\.$/,
    );
  });

  describe('names file, line and field of', () => {
    const cases: [string, (text: string) => string, string][] = [
      [
        'an unknown property',
        (text) => `${text}colour: red\n`,
        'sales.yaml:18: colour: is not a known field. Known here: name, title, description, fields, primaryKey, piing.',
      ],
      [
        'an unknown property of a column',
        (text) => text.replace('aliases: [Sale ID]', 'alias: Sale ID'),
        'sales.yaml:10: fields[0].piing.alias: is not a known field. Known here: sqlType, format, unit, aliases.',
      ],
      [
        'an unknown type',
        (text) => text.replace('type: number', 'type: money'),
        'sales.yaml:12: fields[1].type: has to be one of string, integer, number, boolean, date, datetime, object.',
      ],
      [
        'a missing description',
        (text) => text.replace('    description: Amount.\n', ''),
        'sales.yaml:11: fields[1].description: is missing.',
      ],
      [
        'a text where a list belongs',
        (text) => text.replace('primaryKey: [id]', 'primaryKey: id'),
        'sales.yaml:15: primaryKey: has to be a list.',
      ],
      [
        'a column that stands there twice',
        (text) =>
          text
            .replace('name: amount', 'name: id')
            .replace('type: number', 'type: number\n    constraints: { required: true }'),
        'sales.yaml:11: fields[1]: column id stands there twice.',
      ],
      [
        'a reserved column',
        (text) => text.replace('name: amount', 'name: organization_id'),
        'sales.yaml:11: fields[1]: organization_id is reserved.',
      ],
      [
        'a column with a name that SQL would have to quote',
        (text) => text.replace('name: amount', 'name: Amount'),
        'sales.yaml:11: fields[1].name: has to be lower case: a letter, then letters, digits and _, at most 63.',
      ],
      [
        'an example that is no value',
        (text) => text.replace('"1.00"', '"1,00"'),
        'sales.yaml:14: fields[1].example: "1,00" is not a number with at most 4 decimals. Write it like 1,00.',
      ],
      [
        'a key that is not required',
        (text) => text.replace('primaryKey: [id]', 'primaryKey: [amount]'),
        'sales.yaml:15: primaryKey[0]: amount has to be a required column.',
      ],
      [
        'a key that is not there',
        (text) => text.replace('primaryKey: [id]', 'primaryKey: [id, till]'),
        'sales.yaml:15: primaryKey[1]: till has to be a required column.',
      ],
      [
        'an alias that means two columns',
        (text) => text.replace('Sale ID', 'AMOUNT'),
        'sales.yaml:10: fields[0].piing.aliases[0]: alias "AMOUNT" already means amount.',
      ],
      [
        'a SQL type that does not hold the values',
        (text) => text.replace('example: "1.00"', 'example: "1.00"\n    piing: { sqlType: text }'),
        'sales.yaml:15: fields[1].piing.sqlType: text does not hold a number; use numeric(19,4).',
      ],
      [
        "a table of Piing's own",
        (text) => text.replace('table: sales', 'table: load_ledger'),
        "sales.yaml:17: piing.table: load_ledger is a table of Piing's own.",
      ],
      [
        'a rule between columns that are no times, and another name than its own',
        (text) =>
          `${text.replace('name: sales', 'name: sale')}  rules: [{ column: id, notBefore: amount }]\n`,
        "sales.yaml:1: name: has to be the file's name, sales.\n" +
          'sales.yaml:18: piing.rules[0].column: id has to be a datetime column.\n' +
          'sales.yaml:18: piing.rules[0].notBefore: amount has to be a datetime column.',
      ],
    ];
    for (const [what, change, message] of cases) {
      it(what, () =>
        assert.throws(() => parseSchemaFile('sales.yaml', change(GOOD)), { name: 'CatalogueError', message }),
      );
    }
    it('YAML that is broken', () =>
      assert.throws(
        () => parseSchemaFile('sales.yaml', `${GOOD}  - : [\n`),
        /^CatalogueError: sales\.yaml:18: is not YAML: /,
      ));
  });
});
