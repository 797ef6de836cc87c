import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasProgram, requireClient } from '../support/clients.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { rowCount, startTestGateway, type TestGateway, until } from '../support/gateway.ts';
import { type Ran, run } from '../support/run.ts';
import { temporaryDirectory } from '../support/servers.ts';
import type { Tenant } from '../support/tenants.ts';

describe('OpenSSH', function () {
  this.timeout(60_000);
  let gateway: TestGateway;
  let tenant: Tenant;
  let directory: string;
  let good: string;

  before(async function () {
    requireClient(
      this,
      'sshpass with OpenSSH',
      hasProgram('sshpass') && hasProgram('sftp') && hasProgram('scp'),
    );
    gateway = await startTestGateway();
    directory = await temporaryDirectory('openssh');
    good = join(directory, 'february-sales.csv');
    await writeFile(good, transactionsCsv(200));
    await writeFile(join(directory, 'wrong.csv'), 'name,price\nPizza,12\n');
  });
  after(() => gateway?.close());
  beforeEach(async () => {
    tenant = await gateway.tenant({ schemaTypes: ['orgTransactions', 'orgTransactionDetail', 'orgShifts'] });
  });

  const options = [
    '-oBatchMode=no',
    '-oStrictHostKeyChecking=no',
    '-oUserKnownHostsFile=/dev/null',
    '-oLogLevel=ERROR',
  ];

  function withPassword(
    program: string,
    args: readonly string[],
    input = '',
    secret = tenant.clientSecret,
  ): Promise<Ran> {
    return run('sshpass', ['-e', program, ...args], { input, env: { SSHPASS: secret } });
  }

  const sftp = (commands: string, path = '', secret?: string) =>
    withPassword(
      'sftp',
      ['-P', String(gateway.port), ...options, `${tenant.clientId}@127.0.0.1${path}`],
      commands,
      secret,
    );

  const scp = (args: readonly string[], path: string) =>
    withPassword('scp', [
      ...args,
      '-P',
      String(gateway.port),
      ...options,
      good,
      `${tenant.clientId}@127.0.0.1:${path}`,
    ]);

  describe('sftp', () => {
    it('lists the enabled schema types at the root', async () => {
      const { code, stdout } = await sftp('ls\n');
      assert.equal(code, 0);
      for (const name of ['orgTransactions', 'orgTransactionDetail', 'orgShifts'])
        assert.match(stdout, new RegExp(name));
    });

    it('goes into a folder, puts a file and sees it with its upload id and status', async () => {
      const { code, stdout, stderr } = await sftp(`cd orgTransactions\nput ${good}\nls -l\nbye\n`);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /Uploading .*february-sales\.csv to \/orgTransactions\/february-sales\.csv/);
      const upload = await gateway.finished(tenant);
      assert.equal(upload.status, 'COMPLETED');
      assert.match(stdout, new RegExp(`${upload.id}\\s+(PENDING|PROCESSING|COMPLETED)`));
      assert.equal(await rowCount(gateway, tenant.organizationId), 200);
    });

    it('puts a file from a here-string into user@host:/folder/, as cron jobs do', async () => {
      const { code, stderr } = await sftp(`put ${good}`, ':/orgTransactions/');
      assert.equal(code, 0, stderr);
      assert.equal((await gateway.finished(tenant)).rows?.loaded, 200);
    });

    it('runs a batch file and stops at the first command that fails', async () => {
      const batch = join(directory, 'batch');
      await writeFile(
        batch,
        `cd orgTransactions\nput ${good}\nput ${join(directory, 'wrong.csv')}\nput ${good} never.csv\n`,
      );
      const args = [
        '-P',
        String(gateway.port),
        '-oBatchMode=no',
        ...options,
        '-b',
        batch,
        `${tenant.clientId}@127.0.0.1`,
      ];
      const { code, stderr } = await withPassword('sftp', args);
      assert.equal(code, 1);
      assert.match(stderr, /Failure/);
      const names = (await gateway.uploads(tenant)).map((upload) => upload.fileName);
      assert.deepEqual(names.sort(), ['february-sales.csv', 'wrong.csv']);
    });

    it('preserves times without complaint (-p)', async () => {
      const { code, stderr } = await sftp(`put -p ${good} /orgTransactions/p.csv\n`);
      assert.equal(code, 0);
      assert.doesNotMatch(stderr, /setstat|Couldn't|denied/);
    });

    it('puts a whole folder (-r) into one that is there', async () => {
      const folder = join(directory, 'orgShifts');
      await mkdir(folder, { recursive: true });
      const header = 'shift_id,location_id,employee_id,business_date,clock_in_at,status\n';
      await writeFile(join(folder, 'a.csv'), `${header}1,L,E,2026-02-20,2026-02-20T08:00:00Z,open\n`);
      await writeFile(join(folder, 'b.csv'), `${header}2,L,E,2026-02-20,2026-02-20T08:00:00Z,open\n`);
      const { code, stderr } = await sftp(`put -r ${folder} /\n`);
      assert.equal(code, 0, stderr);
      assert.equal((await gateway.uploads(tenant)).length, 2);
    });

    it('cannot read, resume, make, rename or remove anything', async () => {
      const { stderr } = await sftp(
        [
          `put ${good} /orgTransactions/x.csv`,
          'get /orgTransactions/x.csv',
          'mkdir /new',
          'rmdir /orgShifts',
          'rm /orgTransactions/x.csv',
          'rename /orgTransactions/x.csv /orgTransactions/y.csv',
          `reput ${good} /orgTransactions/x.csv`,
        ].join('\n'),
      );
      // scp and sftp show only the general words of a status; the sentence is there for other clients.
      assert.ok(
        (stderr.match(/Permission denied|Operation unsupported|Failure|not supported|larger/gi) ?? [])
          .length >= 6,
        stderr,
      );
      assert.equal((await gateway.uploads(tenant)).length, 1);
    });

    it('shows that a file was refused, and exits with 1 in a batch', async () => {
      const { stderr } = await sftp(`put ${join(directory, 'wrong.csv')} /orgTransactions/wrong.csv\n`);
      assert.match(stderr, /Failure/);
      assert.equal((await gateway.uploads(tenant))[0]?.status, 'ABANDONED');
    });

    it("is refused with another tenant's secret", async () => {
      const other = await gateway.tenant();
      const { code, stderr } = await sftp('ls\n', '', other.clientSecret);
      assert.notEqual(code, 0);
      assert.match(stderr, /Permission denied/);
    });

    it('that is killed in the middle leaves ABANDONED and no rows', async () => {
      const large = join(directory, 'large.csv');
      await writeFile(large, transactionsCsv(200_000));
      const commands = join(directory, 'commands');
      await writeFile(commands, `put ${large} /orgTransactions/large.csv\n`);
      // A shell gives a background command no standard input unless it is told one.
      const client = `sshpass -e sftp -l 20000 -P ${gateway.port} ${options.join(' ')} ${tenant.clientId}@127.0.0.1 < ${commands} &`;
      const killed = run(
        'sh',
        ['-c', `${client} sleep 1.5; pkill -KILL -f "[s]sh.*${tenant.clientId}"; wait`],
        {
          env: { SSHPASS: tenant.clientSecret },
        },
      );
      await killed;
      const upload = await until(async () => {
        const [newest] = await gateway.uploads(tenant);
        return newest && newest.status !== 'RECEIVING' ? newest : undefined;
      });
      assert.equal(upload.status, 'ABANDONED');
      assert.equal(await rowCount(gateway, tenant.organizationId), 0);
    });
  });

  describe('scp', () => {
    it('puts a file into a folder, and ends with 0', async () => {
      const { code, stderr } = await scp([], '/orgTransactions/');
      assert.equal(code, 0, stderr);
      assert.equal((await gateway.finished(tenant)).fileName, 'february-sales.csv');
    });

    it('preserves times without complaint (-p)', async () => {
      const { code, stderr } = await scp(['-p'], '/orgTransactions/renamed.csv');
      assert.equal(code, 0, stderr);
      assert.equal((await gateway.finished(tenant)).fileName, 'renamed.csv');
    });

    it('fails for a folder that is not enabled', async () => {
      assert.notEqual((await scp([], '/generic_transactions/x.csv')).code, 0);
    });

    it('in its old protocol (-O) is refused', async () => {
      assert.notEqual((await scp(['-O'], '/orgTransactions/')).code, 0);
    });
  });
});
