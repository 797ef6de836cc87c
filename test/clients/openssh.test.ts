import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FINAL_STATUSES } from '../../src/intake/uploads.ts';
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

  /** sftp on a terminal of its own: lines are typed one after the other, `pauseMs` apart. */
  async function interactive(
    lines: readonly string[],
    { args = [] as readonly string[], pauseMs = 400 } = {},
  ): Promise<Ran> {
    const askpass = join(directory, 'askpass');
    await writeFile(askpass, '#!/bin/sh\nprintf "%s\\n" "$SSHPASS"\n', { mode: 0o700 });
    const command = ['sftp', ...args, '-P', gateway.port, ...options, `${tenant.clientId}@127.0.0.1`].join(
      ' ',
    );
    const typed = lines.map((line) => `sleep ${pauseMs / 1_000}; printf '%b\\n' '${line}'`).join('; ');
    return run('sh', ['-c', `{ sleep 1; ${typed}; sleep 1; } | script -qec '${command}' /dev/null`], {
      env: {
        SSHPASS: tenant.clientSecret,
        SSH_ASKPASS: askpass,
        SSH_ASKPASS_REQUIRE: 'force',
      },
    });
  }

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

    it('puts several files (mput)', async () => {
      const folder = join(directory, 'several');
      await mkdir(folder, { recursive: true });
      for (const name of ['a.csv', 'b.csv', 'c.csv'])
        await writeFile(join(folder, name), transactionsCsv(50, name.charCodeAt(0)));
      const { code, stderr } = await sftp(`cd orgTransactions\nmput ${folder}/*.csv\n`);
      assert.equal(code, 0, stderr);
      const names = (await gateway.uploads(tenant)).map((upload) => upload.fileName);
      assert.deepEqual(names.sort(), ['a.csv', 'b.csv', 'c.csv']);
    });

    it('cannot resume a file (reput), and leaves it as it was', async () => {
      const longer = join(directory, 'longer.csv');
      await writeFile(longer, transactionsCsv(400));
      const { stderr } = await sftp(
        `put ${good} /orgTransactions/x.csv\nreput ${longer} /orgTransactions/x.csv\n`,
      );
      assert.match(stderr, /Operation unsupported/);
      assert.equal((await gateway.uploads(tenant)).length, 1);
    });

    it('works as on a terminal, with prompt and progress', async () => {
      const { stdout } = await interactive(['cd orgTransactions', `put ${good}`, 'ls', 'bye']);
      assert.match(stdout, /Connected to 127\.0\.0\.1/);
      assert.match(stdout, /sftp> .*february-sales\.csv +100% /s);
      assert.equal((await gateway.finished(tenant)).status, 'COMPLETED');
    });

    it('that is stopped with ^C and then closes the file as if it were whole is found out', async () => {
      const large = join(directory, 'large.csv');
      await writeFile(large, transactionsCsv(200_000));
      const { stdout } = await interactive([`put ${large} /orgTransactions/large.csv`, '\x03'], {
        args: ['-l', '40000'],
        pauseMs: 2_000,
      });
      assert.match(stdout, /large\.csv +\d+% /);
      const upload = await until(async () => {
        const [newest] = await gateway.uploads(tenant);
        return newest && FINAL_STATUSES.has(newest.status) ? newest : undefined;
      });
      // In one case of a row's length the last full WRITE ends between two rows; that is only a warning.
      if (upload.status === 'COMPLETED') assert.equal(upload.warnings[0]?.code, 'MAYBE_INTERRUPTED');
      else assert.equal(upload.errors[0]?.code, 'INCOMPLETE_FILE');
    });

    it('learns the other host keys (UpdateHostKeys)', async () => {
      const known = join(directory, 'known_hosts');
      const args = [
        ...['-P', String(gateway.port), '-oBatchMode=no', '-oLogLevel=ERROR', '-oHashKnownHosts=no'],
        ...['-oStrictHostKeyChecking=accept-new', '-oUpdateHostKeys=yes', `-oUserKnownHostsFile=${known}`],
        `${tenant.clientId}@127.0.0.1`,
      ];
      // Only from a server that it knew before.
      for (const time of ['first', 'second'])
        assert.equal((await withPassword('sftp', args, 'ls\n')).code, 0, time);
      const types = (await readFile(known, 'utf8')).split('\n').map((line) => line.split(' ')[1]);
      assert.deepEqual(types.filter(Boolean).sort(), ['ssh-ed25519', 'ssh-rsa']);
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

    it('in its old protocol (-O) is refused, with what to do', async () => {
      const { code, stderr } = await scp(['-O'], '/orgTransactions/');
      assert.notEqual(code, 0);
      assert.match(stderr, /scp.*-O/s);
      assert.deepEqual(await gateway.uploads(tenant), []);
    });
  });
});
