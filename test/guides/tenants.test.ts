import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { hasProgram, pythonWith, requireClient } from '../support/clients.ts';
import { run } from '../support/run.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { type StandaloneProcess, startStandalone } from '../support/standalone.ts';
import { assertPlayed, type Block, play, readBlocks, readTranscript } from './transcript.ts';

const GUIDE = 'docs/guides/tenants.md';
const CLIENTS = ['sshpass', 'sftp', 'rclone', 'lftp', 'curl', 'jq', 'flock'];

/** Blocks of a language that is not run here, and why. */
const NOT_RUN: Readonly<Record<string, string>> = {
  winscp: 'WinSCP needs Windows; test/clients/transcripts/winscp.txt plays what it sends.',
};

describe(GUIDE, function () {
  this.timeout(300_000);
  let standalone: StandaloneProcess;
  let home: string;
  let guide: string;
  let blocks: readonly Block[];
  let env: Record<string, string>;

  before(async function () {
    const python = pythonWith('paramiko');
    requireClient(this, 'paramiko', python !== undefined);
    for (const client of CLIENTS) requireClient(this, client, hasProgram(client));
    standalone = await startStandalone(await temporaryDirectory('tenants-state'));
    home = await temporaryDirectory('tenants');
    guide = atHome(await readFile(GUIDE, 'utf8'));
    blocks = readBlocks(guide);
    for (const folder of ['.ssh', 'piing', 'bin', 'sent', 'outbox/orgTransactions'])
      await mkdir(join(home, folder), { recursive: true });
    for (const { file, content } of blocks) if (file) await place(file.replace('~', home), content);
    const credential = await standalone.credential('blue-bistro', 'pos');
    await place(
      join(home, 'piing/credential'),
      `export PIING_CLIENT_ID=${credential.client_id}\nexport PIING_CLIENT_SECRET=${credential.client_secret}\n`,
    );
    await symlink(resolve('node_modules'), join(home, 'piing/node_modules'));
    await programs({ python3: python ?? '', node: process.execPath });
    env = { HOME: home, PATH: `${join(home, 'bin')}:/usr/local/bin:/usr/bin:/bin` };
  });
  after(async () => {
    await standalone?.stop();
  });

  /** The guide's addresses are those of the service; here it is this machine's. */
  function atHome(text: string): string {
    const { sftp, http } = standalone.endpoints;
    return text
      .replaceAll('https://api.piing.ai', http.url)
      .replaceAll('sftp.piing.ai', sftp.host)
      .replaceAll('2222', String(sftp.port));
  }

  const place = (path: string, content: string) => writeFile(path, content, { mode: 0o700 });

  /** OpenSSH looks for known_hosts in the account's directory, whatever HOME says. */
  async function programs(others: Readonly<Record<string, string>>): Promise<void> {
    const config = join(home, 'bin/ssh_config');
    await writeFile(config, `UserKnownHostsFile ${home}/.ssh/known_hosts\n`);
    for (const name of ['ssh', 'sftp'])
      await place(join(home, 'bin', name), `#!/bin/sh\nexec /usr/bin/${name} -F ${config} "$@"\n`);
    for (const [name, program] of Object.entries(others))
      await place(join(home, 'bin', name), `#!/bin/sh\nexec ${program} "$@"\n`);
  }

  it('has no code that is neither run nor said to be left out', () => {
    const unknown = blocks.filter(
      ({ language, file }) =>
        language !== 'console' && language !== 'crontab' && file === undefined && !(language in NOT_RUN),
    );
    assert.deepEqual(unknown, []);
    const credential = blocks.find(({ file }) => file === '~/piing/credential')?.content;
    assert.match(credential ?? '', /^export PIING_CLIENT_ID=\S+\nexport PIING_CLIENT_SECRET=\S+\n$/);
  });

  it('says what happens', async () => {
    const steps = readTranscript(guide);
    assert.ok(steps.length > 25, `${steps.length} steps`);
    assertPlayed(await play(steps, env, join(home, 'piing')));
  });

  it('has a line for cron that sends what is new and keeps what was not acknowledged', async () => {
    const outbox = join(home, 'outbox/orgTransactions');
    const sales = await readFile(join(home, 'piing/sales.csv'), 'utf8');
    await writeFile(join(outbox, 'may.csv'), sales);
    await writeFile(join(outbox, 'wrong.csv'), 'name,price\nPizza,12\n');
    const [line] = blocks.filter(({ language }) => language === 'crontab');
    const command = /^(?:\S+ ){5}(.*)$/m.exec(line?.content ?? '')?.[1] ?? assert.fail('no line for cron');
    // cron gives a job hardly any environment, and its directory is the account's.
    const { code } = await run('env', ['-i', `HOME=${env.HOME}`, `PATH=${env.PATH}`, 'sh', '-c', command], {
      cwd: dirname(join(home, 'piing')),
    });
    assert.equal(code, 1, 'a file was not acknowledged');
    assert.deepEqual(await readdir(outbox), ['wrong.csv']);
    assert.deepEqual(await readdir(join(home, 'sent')), ['may.csv']);
    assert.match(await readFile(join(home, 'piing/log'), 'utf8'), /put .*may\.csv/);
  });
});
