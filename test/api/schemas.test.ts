import assert from 'node:assert/strict';
import { parse } from 'csv-parse/sync';
import { type ApiFixture, startApiFixture } from './api-fixture.ts';
import { ask, assertProblem } from './http-client.ts';

interface ColumnView {
  readonly name: string;
  readonly header: string;
  readonly required: boolean;
}

describe('GET /schemas', () => {
  let fixture: ApiFixture;
  let token: string;

  before(async () => {
    fixture = await startApiFixture();
    token = await fixture.tokenOf(await fixture.addClient('acme'));
  });
  after(() => fixture.close());

  const schemas = async () =>
    (await ask(`${fixture.api}/schemas`, { token })).body.schemas as (Record<string, unknown> & {
      columns: ColumnView[];
    })[];

  const template = async (type: string) => {
    const response = await fetch(`${fixture.api}/schemas/${type}/template.csv`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return { response, rows: parse(await response.text()) as string[][] };
  };

  it('lists the enabled schema types with their columns', async () => {
    const found = await schemas();
    assert.deepEqual(
      found.map(({ schemaType }) => schemaType),
      ['orgShifts', 'orgTransactions'],
    );
    for (const { columns, title, description } of found) {
      assert.equal(typeof title, 'string');
      assert.equal(typeof description, 'string');
      assert.ok(columns.length > 0);
      for (const column of columns) {
        for (const member of ['name', 'header', 'type', 'required', 'description', 'example', 'aliases'])
          assert.ok(member in column, member);
      }
    }
  });

  it('gives a template with a header line and an example row', async () => {
    const { response, rows } = await template('orgTransactions');
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/csv; charset=utf-8');
    assert.match(
      response.headers.get('content-disposition') ?? '',
      /^attachment; filename="orgTransactions\.csv"/,
    );
    const columns =
      (await schemas()).find(({ schemaType }) => schemaType === 'orgTransactions')?.columns ?? [];
    assert.equal(rows.length, 2);
    assert.deepEqual(
      rows[0],
      columns.map(({ name }) => name),
    );
    assert.equal(rows[1]?.length, columns.length);
  });

  it('speaks the organization’s own headers, and leaves out what its enablement adds', async () => {
    const [first, second, third] =
      (await schemas()).find(({ schemaType }) => schemaType === 'orgShifts')?.columns ?? [];
    const transformer = {
      columns: [
        { name: first?.name, header: 'Shift, number' },
        { name: second?.name, constant: 'x' },
        { name: third?.name, default: 'y' },
      ],
      ambiguousLocalTime: 'reject',
      decimalSeparator: ',',
      onDuplicate: 'update',
      onRowError: 'skip',
    };
    await fixture.database.pool.query(
      `UPDATE piing.schema_enablements SET transformer = $1 WHERE schema_type = 'orgShifts'`,
      [JSON.stringify(transformer)],
    );
    const columns = (await schemas()).find(({ schemaType }) => schemaType === 'orgShifts')?.columns ?? [];
    assert.equal(columns[0]?.header, 'Shift, number');
    assert.ok(columns.every(({ name }) => name !== second?.name));
    assert.equal(columns.find(({ name }) => name === third?.name)?.required, false);
    const { rows } = await template('orgShifts');
    assert.equal(rows[0]?.[0], 'Shift, number');
    assert.equal(rows[0]?.length, columns.length);
  });

  it('gives the document of one type, the same as in the list', async () => {
    for (const listed of await schemas()) {
      const { status, body } = await ask(`${fixture.api}/schemas/${listed.schemaType}`, { token });
      assert.equal(status, 200);
      assert.deepEqual(body, listed);
    }
    for (const type of ['orgTransactionDetail', 'nothing', '__proto__', '..%2Fetc'])
      assertProblem(await ask(`${fixture.api}/schemas/${type}`, { token }), 404, 'NOT_FOUND');
  });

  it('answers 404 for the template of a type that is unknown or not enabled', async () => {
    for (const type of ['orgTransactionDetail', 'nothing', '..%2Fetc']) {
      assertProblem(await ask(`${fixture.api}/schemas/${type}/template.csv`, { token }), 404, 'NOT_FOUND');
    }
  });
});
