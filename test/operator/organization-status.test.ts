import assert from 'node:assert/strict';
import type { Organization } from '../../src/operator/kinds.ts';
import { appliedStatus } from '../../src/operator/organization-status.ts';
import { organization } from '../tenancy/fixture.ts';

describe('The status of an organization', () => {
  it('keeps the client id of a credential that the database has just lost, to have the same issued again', () => {
    const clientId = `piing_${'ab'.repeat(12)}`;
    const found = {
      ...organization('blue'),
      metadata: { name: 'blue', namespace: 'default', uid: 'uid', resourceVersion: '1', generation: 1 },
      status: { credentials: [{ name: 'pos', clientId, state: 'Active' }] },
    } as unknown as Organization;
    const report = { credentials: [], schemaTypes: [], lastUploadAt: null };
    const state = { report, waiting: new Map(), incomplete: [], advice: undefined };
    assert.deepEqual(appliedStatus(found, state, new Date()).credentials, [
      { name: 'pos', clientId, state: 'Waiting' },
    ]);
  });
});
