import assert from 'node:assert/strict';
import type { TransformerSpec } from '../../src/schemas/transformer-spec.ts';
import { startTestPipeline, type TestPipeline } from '../support/pipeline.ts';

const HEADER = 'transaction_id,occurred_at,amount,currency,description';
const good = (id: string, kind = '') => `${id},2026-02-20T10:15:00Z,1.00,USD,${kind}`;
const bad = (id: string) => `${id},yesterday,1.00,USD,`;

describe('Which rows of a file are loaded', () => {
  let pipeline: TestPipeline;

  before(async () => {
    pipeline = await startTestPipeline();
  });
  after(() => pipeline.close());

  async function send(transformer: Partial<TransformerSpec>, rows: readonly string[]) {
    const tenant = await pipeline.tenant(['generic_transactions'], transformer);
    const content = `${[HEADER, ...rows].join('\n')}\n`;
    const upload = await pipeline.send({
      tenant,
      schemaType: 'generic_transactions',
      fileName: 'a.csv',
      content,
    });
    const stored = await pipeline.rows(tenant, 'generic_transactions', ['transaction_id']);
    return { upload, ids: stored.flat() };
  }

  it('the good ones, as long as no more are bad than maxRowErrors says', async () => {
    const { upload, ids } = await send({ maxRowErrors: 2 }, [good('A'), bad('B'), bad('C'), good('D')]);
    assert.equal(upload.status, 'PARTIALLY_COMPLETED');
    assert.deepEqual(ids, ['A', 'D']);
  });

  it('none when one more is bad', async () => {
    const { upload, ids } = await send({ maxRowErrors: 2 }, [good('A'), bad('B'), bad('C'), bad('D')]);
    assert.equal(upload.status, 'FAILED');
    assert.equal(upload.errors[0]?.code, 'TOO_MANY_ROW_ERRORS');
    assert.match(
      upload.errors[0]?.message ?? '',
      /^3 rows have errors, and at most 2 are tolerated in a file, so nothing was loaded\. First: "yesterday" in occurred_at/,
    );
    assert.equal(upload.errors[0]?.line, 3);
    assert.deepEqual(ids, []);
  });

  it('none with maxRowErrors: 0 and one bad row', async () => {
    const { upload, ids } = await send({ maxRowErrors: 0 }, [good('A'), bad('B')]);
    assert.match(upload.errors[0]?.message ?? '', /^1 row has errors, and at most 0 are tolerated/);
    assert.deepEqual(ids, []);
  });

  it('those that onlyRows selects; the others are neither checked nor counted as bad, and a warning tells', async () => {
    const onlyRows = { header: 'description', values: ['Payment', 'refund'] };
    const rows = [good('A', 'PAYMENT'), bad('B'), good('C', ' Refund '), good('D', 'tip')];
    const { upload, ids } = await send({ onlyRows, onRowError: 'fail' }, rows);
    assert.equal(upload.status, 'COMPLETED', JSON.stringify(upload.errors));
    assert.deepEqual(ids, ['A', 'C']);
    assert.deepEqual(upload.rows, { total: 2, loaded: 2, unchanged: 0, rejected: 0 });
    assert.deepEqual(upload.warnings, [
      {
        code: 'ROWS_LEFT_OUT',
        message: '2 rows were left out: only rows whose "description" is "Payment" or "refund" are loaded.',
      },
    ]);
  });

  it('none of a file that has no column to select by', async () => {
    const tenant = await pipeline.tenant(['generic_transactions'], { onlyRows: { header: 'Kind' } });
    const file = {
      tenant,
      schemaType: 'generic_transactions',
      fileName: 'a.csv',
      content: `${HEADER}\n${good('A')}\n`,
    };
    await assert.rejects(pipeline.send(file), /lacks "Kind", which tells the rows to load/);
  });
});
