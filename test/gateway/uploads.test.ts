import assert from 'node:assert/strict';
import { transactionsCsv } from '../support/csv-files.ts';
import { rowCount, startTestGateway, type TestGateway, until } from '../support/gateway.ts';
import { FLAGS, type RawSftp, type Reply } from '../support/raw-sftp.ts';
import type { Tenant } from '../support/tenants.ts';

const OK = 0;
const NO_SUCH_FILE = 2;
const PERMISSION_DENIED = 3;
const FAILURE = 4;
const UNSUPPORTED = 8;

function assertStatus(reply: Reply, code: number, message = /./): void {
  assert.equal(reply.type, 'status', JSON.stringify(reply));
  if (reply.type !== 'status') return;
  assert.equal(reply.code, code, reply.message);
  assert.match(reply.message, message);
  assert.ok(reply.message.length <= 200, `${reply.message.length} characters`);
}

describe('An SFTP session', () => {
  let gateway: TestGateway;
  let tenant: Tenant;
  let sftp: RawSftp;

  before(async () => {
    gateway = await startTestGateway();
  });
  after(() => gateway.close());

  beforeEach(async () => {
    tenant = await gateway.tenant({ schemaTypes: ['orgTransactions', 'orgShifts'] });
    sftp = await gateway.connect(tenant);
  });
  afterEach(() => sftp.drop());

  async function put(path: string, content: string): Promise<Reply> {
    const handle = await sftp.openHandle(path);
    await sftp.write(handle, 0, content);
    return sftp.close(handle);
  }

  describe('shows a virtual tree', () => {
    it('whose root lists the enabled schema types and nothing else', async () => {
      const names = (await sftp.list('/')).map((entry) => entry.name);
      assert.deepEqual(names, ['orgShifts', 'orgTransactions']);
    });

    it('in which every path is absolute and normalised, and nothing lies above the root', async () => {
      for (const [path, real] of [
        ['.', '/'],
        ['', '/'],
        ['orgShifts/..', '/'],
        ['../../etc', '/etc'],
        ['/orgShifts//x/.', '/orgShifts/x'],
      ] as const) {
        const reply = await sftp.realpath(path);
        assert.ok(reply.type === 'name');
        assert.equal(reply.entries[0]?.name, real);
      }
    });

    it('in which folders of other schema types do not exist', async () => {
      assertStatus(await sftp.stat('/orgTransactionDetail'), NO_SUCH_FILE);
      assertStatus(await sftp.stat('/etc/passwd'), NO_SUCH_FILE);
      assertStatus(
        await sftp.open('/orgTransactionDetail/x.csv'),
        NO_SUCH_FILE,
        /orgShifts, orgTransactions.*SCHEMA_NOT_ENABLED/,
      );
      assertStatus(await sftp.open('/x.csv'), PERMISSION_DENIED, /\/orgShifts\/, \/orgTransactions\//);
      assertStatus(await sftp.open('/orgTransactions/deeper/x.csv'), NO_SUCH_FILE);
    });

    it('that cannot be changed or read', async () => {
      const path = Buffer.from('/orgTransactions/new');
      const field = Buffer.concat([Buffer.from([0, 0, 0, path.length]), path]);
      const none = Buffer.alloc(4);
      assertStatus(await sftp.request(14, field, none), PERMISSION_DENIED, /FIXED_FOLDERS/);
      assertStatus(await sftp.request(15, field), PERMISSION_DENIED, /FIXED_FOLDERS/);
      assertStatus(await sftp.request(20, field, field), PERMISSION_DENIED, /FIXED_FOLDERS/);
      assertStatus(await sftp.open('/orgTransactions/x.csv', FLAGS.read), PERMISSION_DENIED, /WRITE_ONLY/);
      assertStatus(
        await sftp.open('/orgTransactions/x.csv', FLAGS.append),
        UNSUPPORTED,
        /whole file.*NO_APPEND/,
      );
      assertStatus(await sftp.request(99, field), UNSUPPORTED);
    });

    it("that lists the client's files, with the upload id as owner and its status as group", async () => {
      assertStatus(await put('/orgTransactions/a.csv', transactionsCsv(3)), OK);
      const upload = await gateway.finished(tenant);
      const [entry] = await sftp.list('/orgTransactions');
      assert.equal(entry?.name, 'a.csv');
      assert.match(
        entry?.longName ?? '',
        new RegExp(`^-rw-------\\s+1\\s+${upload.id}\\s+COMPLETED\\s+\\d+ \\w{3} .* a\\.csv$`),
      );
    });
  });

  describe('takes a file', () => {
    it('whole, and the acknowledged file becomes rows', async () => {
      assertStatus(await put('/orgTransactions/feb.csv', transactionsCsv(100)), OK);
      const upload = await gateway.finished(tenant);
      assert.equal(upload.status, 'COMPLETED');
      assert.equal(upload.fileName, 'feb.csv');
      assert.equal(upload.source, 'sftp');
      assert.deepEqual(upload.rows, { total: 100, loaded: 100, unchanged: 0, rejected: 0 });
      assert.equal(await rowCount(gateway, tenant.organizationId), 100);
    });

    for (const [client, flags] of [
      ['OpenSSH', FLAGS.write],
      ['scp', FLAGS.scp],
      ['exclusive', FLAGS.exclusive],
      ['Cyberduck', FLAGS.noCreate],
    ] as const) {
      it(`opened with the flags of ${client}`, async () => {
        const handle = await sftp.openHandle('/orgTransactions/x.csv', flags);
        assertStatus(await sftp.write(handle, 0, transactionsCsv(1)), OK);
        assertStatus(await sftp.close(handle), OK);
      });
    }

    it('whose pieces come out of order', async () => {
      const content = Buffer.from(transactionsCsv(500));
      const handle = await sftp.openHandle('/orgTransactions/shuffled.csv');
      const pieces = Array.from({ length: Math.ceil(content.length / 1000) }, (_, index) => index * 1000);
      for (let index = 0; index + 1 < pieces.length; index += 2) {
        [pieces[index], pieces[index + 1]] = [pieces[index + 1] ?? 0, pieces[index] ?? 0];
      }
      const replies = await Promise.all(
        pieces.map((at) => sftp.write(handle, at, content.subarray(at, at + 1000))),
      );
      for (const reply of replies) assertStatus(reply, OK);
      assertStatus(await sftp.close(handle), OK);
      const upload = await gateway.finished(tenant);
      assert.equal(upload.sizeBytes, content.length);
      assert.equal(upload.rows?.loaded, 500);
    });

    it('and answers in the order of the requests, CLOSE and STAT behind the writes', async () => {
      const handle = await sftp.openHandle('/orgTransactions/order.csv');
      const line = transactionsCsv(1);
      sftp.replyOrder.length = 0;
      const replies = [
        sftp.write(handle, 0, line),
        sftp.write(handle, line.length, ''),
        sftp.stat('/orgTransactions/order.csv'),
        sftp.close(handle),
      ];
      const [, , stat] = await Promise.all(replies);
      assert.deepEqual(
        sftp.replyOrder,
        [...sftp.replyOrder].sort((a, b) => a - b),
      );
      assert.ok(stat?.type === 'attrs' && stat.size === line.length);
    });

    it('under a temporary name, and it counts when it is renamed', async () => {
      for (const name of [
        'x.csv.filepart',
        'x.csv.1a2b3c4d.partial',
        'x.csv.writing',
        '.x.csv.tmp',
        '.in.x.csv',
        'x.csv.part',
      ]) {
        assertStatus(await put(`/orgTransactions/${name}`, transactionsCsv(2)), OK);
        const [staged] = await gateway.uploads(tenant);
        assert.equal(staged?.status, 'RECEIVING', name);
        const stat = await sftp.stat(`/orgTransactions/${name}`);
        assert.ok(stat.type === 'attrs' && stat.size === transactionsCsv(2).length);
        assertStatus(
          await sftp.rename(`/orgTransactions/${name}`, `/orgTransactions/final-${name.length}.csv`),
          OK,
        );
        const upload = await gateway.finished(staged?.id ?? tenant);
        assert.equal(upload.status, 'COMPLETED');
        assert.equal(upload.fileName, `final-${name.length}.csv`);
      }
    });

    it('of the same name twice in one session, as two uploads', async () => {
      assertStatus(await put('/orgTransactions/twice.csv', transactionsCsv(2)), OK);
      assertStatus(await put('/orgTransactions/twice.csv', transactionsCsv(3)), OK);
      assert.equal((await gateway.uploads(tenant)).length, 2);
    });

    it('and keeps times and modes to itself: SETSTAT is answered with OK', async () => {
      const handle = await sftp.openHandle('/orgTransactions/t.csv');
      const text = transactionsCsv(1);
      await sftp.write(handle, 0, text);
      assertStatus(await sftp.fsetstatSize(handle, text.length), OK);
      assertStatus(await sftp.close(handle), OK);
    });
  });

  describe('refuses', () => {
    it('names that could never count', async () => {
      for (const name of ['x.xlsx', 'x', '.csv', '.hidden.csv', 'x.csv.exe', 'x.csv.bak']) {
        assertStatus(
          await sftp.open(`/orgTransactions/${name}`),
          PERMISSION_DENIED,
          /\.csv or \.json.*BAD_FILE_NAME/,
        );
      }
      assertStatus(
        await sftp.open(`/orgTransactions/${'n'.repeat(252)}.csv`),
        PERMISSION_DENIED,
        /longer than 255/,
      );
      assertStatus(
        await sftp.open(Buffer.from('/orgTransactions/caf\xe9.csv', 'latin1')),
        PERMISSION_DENIED,
        /UTF-8/,
      );
    });

    it('to rename or remove what was received', async () => {
      await put('/orgTransactions/done.csv', transactionsCsv(1));
      assertStatus(
        await sftp.rename('/orgTransactions/done.csv', '/orgTransactions/other.csv'),
        PERMISSION_DENIED,
        /NO_RENAME/,
      );
      assertStatus(await sftp.remove('/orgTransactions/done.csv'), PERMISSION_DENIED, /NO_REMOVE/);
      assertStatus(await sftp.remove('/orgTransactions/absent.csv'), NO_SUCH_FILE);
      assertStatus(
        await sftp.rename('/orgTransactions/absent.csv.tmp', '/orgTransactions/x.csv'),
        NO_SUCH_FILE,
      );
    });

    it('a rename into another folder or format', async () => {
      await put('/orgTransactions/x.csv.tmp', transactionsCsv(1));
      assertStatus(await sftp.rename('/orgTransactions/x.csv.tmp', '/orgShifts/x.csv'), PERMISSION_DENIED);
      assertStatus(
        await sftp.rename('/orgTransactions/x.csv.tmp', '/orgTransactions/x.json'),
        FAILURE,
        /keeps its format/,
      );
    });

    it('a handle that is not open', async () => {
      assertStatus(await sftp.write(Buffer.from([9, 9, 9, 9]), 0, 'x'), FAILURE, /BAD_HANDLE/);
      assertStatus(await sftp.write(Buffer.from('odd'), 0, 'x'), FAILURE, /BAD_HANDLE/);
    });

    it('more open files than its limit', async () => {
      const replies = await Promise.all(
        Array.from({ length: 17 }, (_, index) => sftp.open(`/orgTransactions/${index}.csv`)),
      );
      assert.equal(replies.filter((reply) => reply.type === 'handle').length, 16);
      assertStatus(replies[16] as Reply, FAILURE, /TOO_MANY_HANDLES/);
    });
  });

  describe('tells the truth about failure', () => {
    async function assertAbandoned(code: string): Promise<void> {
      const upload = await until(async () => {
        const [newest] = await gateway.uploads(tenant);
        return newest?.status === 'ABANDONED' ? newest : undefined;
      });
      assert.equal(upload.errors[0]?.code, code);
      await assert.rejects(gateway.store.read(upload.objectKey), /has no object/);
    }

    it('an unusable header fails a WRITE or the CLOSE with the reason, and STAT finds nothing', async () => {
      const handle = await sftp.openHandle('/orgTransactions/wrong.csv');
      const replies = await Promise.all([sftp.write(handle, 0, 'name;price\n1;2\n'), sftp.close(handle)]);
      const failed = replies.find((reply) => reply.type === 'status' && reply.code !== OK);
      assertStatus(failed as Reply, FAILURE, /semicolons.*WRONG_DELIMITER/);
      assertStatus(await sftp.stat('/orgTransactions/wrong.csv'), NO_SUCH_FILE);
      await assertAbandoned('WRONG_DELIMITER');
    });

    it('a header without a required column names the column', async () => {
      const reply = await put('/orgTransactions/short.csv', 'transaction_id,location_id\n1,2\n');
      assertStatus(reply, FAILURE, /transaction_type.*MISSING_COLUMNS/);
    });

    it('every WRITE after the first failed one fails with the same reason', async () => {
      const handle = await sftp.openHandle('/orgTransactions/wrong.csv');
      await sftp.write(handle, 0, 'a,b\n1,2\n'.repeat(10));
      for (let count = 0; count < 3; count += 1) {
        assertStatus(await sftp.write(handle, 80, 'a,b\n'), FAILURE, /UNKNOWN_HEADER/);
      }
    });

    it('an empty file', async () => {
      const handle = await sftp.openHandle('/orgTransactions/empty.csv');
      assertStatus(await sftp.close(handle), FAILURE, /empty.*EMPTY_FILE/);
      assertStatus(await sftp.stat('/orgTransactions/empty.csv'), NO_SUCH_FILE);
      await assertAbandoned('EMPTY_FILE');
    });

    it('a file with a hole', async () => {
      const handle = await sftp.openHandle('/orgTransactions/hole.csv');
      await sftp.write(handle, 0, transactionsCsv(1));
      await sftp.write(handle, 10_000, 'x');
      assertStatus(await sftp.close(handle), FAILURE, /missing after.*INCOMPLETE_FILE/);
      await assertAbandoned('INCOMPLETE_FILE');
    });

    it('a file that goes back to an earlier byte', async () => {
      const handle = await sftp.openHandle('/orgTransactions/back.csv');
      await sftp.write(handle, 0, transactionsCsv(1));
      assertStatus(await sftp.write(handle, 5, 'x'), FAILURE, /INCOMPLETE_FILE/);
      assertStatus(await sftp.close(handle), FAILURE, /INCOMPLETE_FILE/);
    });

    it('a file shorter than its client announced (WinSCP in OPEN, lftp in FSETSTAT)', async () => {
      const inOpen = await sftp.openHandle('/orgTransactions/a.csv', FLAGS.write, 1_000_000);
      await sftp.write(inOpen, 0, transactionsCsv(1));
      assertStatus(await sftp.close(inOpen), FAILURE, /1000000 bytes were announced/);
      const later = await sftp.openHandle('/orgTransactions/b.csv');
      await sftp.write(later, 0, transactionsCsv(1));
      await sftp.fsetstatSize(later, 5_000);
      assertStatus(await sftp.close(later), FAILURE, /5000 bytes were announced/);
    });

    it('a session that drops leaves ABANDONED and no object', async () => {
      const handle = await sftp.openHandle('/orgTransactions/dropped.csv');
      await sftp.write(handle, 0, transactionsCsv(10));
      sftp.drop();
      await assertAbandoned('INCOMPLETE_FILE');
    });

    it('a channel that ends with a file open leaves ABANDONED, and its exit status is sent', async () => {
      const handle = await sftp.openHandle('/orgTransactions/left.csv');
      await sftp.write(handle, 0, transactionsCsv(10));
      assert.equal(await sftp.quit(), 0);
      await assertAbandoned('INCOMPLETE_FILE');
    });

    it('a temporary file that is never renamed is abandoned', async () => {
      await put('/orgTransactions/x.csv.filepart', transactionsCsv(10));
      await sftp.quit();
      await assertAbandoned('INCOMPLETE_FILE');
    });
  });
});
