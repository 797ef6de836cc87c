import assert from 'node:assert/strict';
import { problemOf } from '../../src/api/error-answers.ts';
import { PROBLEMS } from '../../src/api/problem-catalogue.ts';
import { Problem, problemOfRefusal } from '../../src/api/problems.ts';
import { Refusal, type RefusalCode } from '../../src/intake/refusal.ts';
import { FileFault } from '../../src/schemas/faults.ts';

describe('problem details', () => {
  it('carry type, title, status, detail, instance and a stable code (RFC 9457)', () => {
    const problem = new Problem('NOT_FOUND', 'Your organization has no upload of this id.');
    assert.deepEqual(problem.toBody('/api/external/upload/1'), {
      type: '/problems/NOT_FOUND',
      title: PROBLEMS.NOT_FOUND.title,
      status: 404,
      detail: 'Your organization has no upload of this id.',
      instance: '/api/external/upload/1',
      code: 'NOT_FOUND',
    });
  });

  it('tell every refusal of the intake with a status of its own', () => {
    const statuses: Readonly<Record<RefusalCode, number>> = {
      BAD_FILE_NAME: 400,
      SCHEMA_NOT_ENABLED: 403,
      FILE_TOO_LARGE: 413,
      EMPTY_FILE: 422,
      INCOMPLETE_FILE: 400,
      ACCESS_REVOKED: 401,
      SERVICE_UNAVAILABLE: 503,
      DRAINING: 503,
      IDEMPOTENCY_KEY_REUSED: 422,
      IDEMPOTENCY_KEY_IN_USE: 409,
    };
    for (const [code, status] of Object.entries(statuses)) {
      const problem = problemOfRefusal(new Refusal(code as RefusalCode, 'Because.'));
      assert.equal(problem.status, status, code);
      assert.equal(problem.toBody('/').code, code);
      assert.equal(problem.toBody('/').detail, 'Because.');
      if (status === 503 || status === 409) assert.match(problem.headers['retry-after'] ?? '', /^\d+$/);
    }
  });

  it('tell a fault of the file with its own code, the line, the column and the value', () => {
    const fault = new FileFault('MISSING_COLUMNS', 'The column amount is missing.', {
      line: 1,
      column: 'amount',
      value: 'x',
    });
    const body = problemOfRefusal(Refusal.from(fault)).toBody('/');
    assert.equal(body.status, 422);
    assert.equal(body.code, 'MISSING_COLUMNS');
    assert.equal(body.type, '/problems/MISSING_COLUMNS');
    assert.deepEqual([body.line, body.column, body.value], [1, 'amount', 'x']);
  });

  it('keep what only administrators should see out of the answer', () => {
    for (const thrown of [new TypeError('x is undefined'), 'text', undefined, null, { statusCode: 'odd' }]) {
      const problem = problemOf(thrown);
      assert.equal(problem.status, 500);
      assert.doesNotMatch(JSON.stringify(problem.toBody('/')), /undefined|text|odd/);
    }
  });
});
