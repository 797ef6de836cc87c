import assert from 'node:assert/strict';
import { transactionsCsv } from '../support/csv-files.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { FLAGS, type RawSftp } from '../support/raw-sftp.ts';
import { run } from '../support/run.ts';
import type { Tenant } from '../support/tenants.ts';

const NO_SUCH_FILE = 2;

/** Two tenants behind one address: what one sends by SFTP, the other never meets anywhere. */
describe('A tenant beside another', function () {
  this.timeout(60_000);
  let gateway: TestGateway;
  let theirs: Tenant;
  let own: Tenant;
  let theirSession: RawSftp;
  let session: RawSftp;

  before(async () => {
    gateway = await startTestGateway();
    theirs = await gateway.tenant({ schemaTypes: ['orgTransactions', 'orgShifts'] });
    own = await gateway.tenant({ schemaTypes: ['orgTransactions'] });
    for (const { organizationId } of [theirs, own])
      await gateway.database.pool.query(
        `INSERT INTO piing.webhook_endpoints (organization_id, name, url, events)
         VALUES ($1, 'erp', 'https://hooks.example/', '{upload.completed}')`,
        [organizationId],
      );
    theirSession = await gateway.connect(theirs);
    session = await gateway.connect(own);
  });
  after(async () => {
    theirSession.drop();
    session.drop();
    await gateway.close();
  });

  const code = async (reply: ReturnType<RawSftp['stat']>) => {
    const answer = await reply;
    return answer.type === 'status' ? answer.code : answer.type;
  };

  async function put(sftp: RawSftp, path: string): Promise<void> {
    const handle = await sftp.openHandle(path);
    await sftp.write(handle, 0, transactionsCsv(5));
    assert.equal(await code(sftp.close(handle)), 0);
  }

  it('sees its own folders and files alone, also while both are connected from one address', async () => {
    await put(theirSession, '/orgTransactions/theirs.csv');
    await put(session, '/orgTransactions/own.csv');
    const names = async (sftp: RawSftp, path: string) =>
      (await sftp.list(path)).map(({ name }) => name).sort();
    assert.deepEqual(await names(theirSession, '/'), ['orgShifts', 'orgTransactions']);
    assert.deepEqual(await names(session, '/'), ['orgTransactions']);
    assert.deepEqual(await names(theirSession, '/orgTransactions'), ['theirs.csv']);
    assert.deepEqual(await names(session, '/orgTransactions'), ['own.csv']);
  });

  it('finds nothing of the other by any path', async () => {
    for (const path of [
      '/orgTransactions/theirs.csv',
      '/orgShifts',
      '/orgShifts/x.csv',
      '/orgTransactions/../orgShifts',
      '/../orgShifts',
      `/${theirs.organizationId}`,
      `/raw/${theirs.organizationId}/orgTransactions`,
      '//orgShifts//',
      '/orgTransactions/./theirs.csv',
      'orgShifts',
    ])
      assert.equal(await code(session.stat(path)), NO_SUCH_FILE, path);
  });

  it('opens, renames and removes nothing of the other', async () => {
    await put(session, '/orgTransactions/staged.csv.filepart');
    for (const [what, reply] of [
      ['open for writing', session.open('/orgShifts/x.csv')],
      ['open for reading', session.open('/orgTransactions/theirs.csv', FLAGS.read)],
      ['rename into', session.rename('/orgTransactions/staged.csv.filepart', '/orgShifts/staged.csv')],
      ['rename from', session.rename('/orgTransactions/theirs.csv', '/orgTransactions/mine.csv')],
      ['remove', session.remove('/orgTransactions/theirs.csv')],
      ['a handle of the other’s session', session.write(Buffer.from([0, 0, 0, 1]), 0, 'x')],
    ] as const)
      assert.notEqual(await code(reply), 0, what);
    const uploads = await gateway.uploads(theirs);
    assert.deepEqual(
      uploads.map(({ fileName }) => fileName),
      ['theirs.csv'],
    );
  });

  it('may send under a name that the other has used: both have their file', async () => {
    await put(session, '/orgTransactions/theirs.csv');
    const [ours, other] = [(await gateway.uploads(own))[0], (await gateway.uploads(theirs))[0]];
    assert.equal(ours?.fileName, 'theirs.csv');
    assert.notEqual(ours?.id, other?.id);
    assert.equal(ours?.duplicateOf !== other?.id, true);
    assert.ok(ours?.objectKey.startsWith(`raw/${own.organizationId}/`), ours?.objectKey);
    await gateway.finished(own);
    await gateway.finished(theirs);
  });

  it('is announced to its own webhooks alone', async () => {
    const { rows } = await gateway.database.pool.query<{ receiver: string; sender: string }>(
      `SELECT d.organization_id AS receiver, u.organization_id AS sender
         FROM piing.webhook_deliveries d JOIN piing.uploads u ON u.id = d.upload_id`,
    );
    assert.deepEqual(
      new Set(rows.map(({ receiver }) => receiver)),
      new Set([own.organizationId, theirs.organizationId]),
    );
    for (const { receiver, sender } of rows) assert.equal(receiver, sender);
  });

  it('is what an administrator gets who asks for one organization', async () => {
    const env = { DATABASE_URL: gateway.database.url };
    for (const { organizationId } of [own, theirs])
      for (const command of ['uploads list', 'webhooks deliveries']) {
        const args = [...command.split(' '), '--organization', organizationId, '--json'];
        const { code: exit, stdout, stderr } = await run(process.execPath, ['src/main.ts', ...args], { env });
        assert.equal(exit, 0, stderr);
        const found = JSON.parse(stdout) as { organizationId: string }[];
        assert.ok(found.length > 0, command);
        for (const each of found) assert.equal(each.organizationId, organizationId, command);
      }
  });
});
