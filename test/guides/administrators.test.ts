import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Operator } from '../../src/operator/operator.ts';
import { startTestOperator } from '../operator/fixture.ts';
import { hasProgram, requireClient } from '../support/clients.ts';
import { type ControlPlane, testControlPlane } from '../support/control-plane.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { assertPlayed, matches, play, readTranscript } from './transcript.ts';

const GUIDE = 'docs/guides/administrators.md';

describe(GUIDE, function () {
  this.timeout(180_000);
  let plane: ControlPlane;
  let gateway: TestGateway;
  let operator: Operator;

  before(async function () {
    this.timeout(900_000);
    requireClient(this, 'sshpass with OpenSSH', hasProgram('sshpass') && hasProgram('sftp'));
    plane = await testControlPlane();
    gateway = await startTestGateway();
    operator = await startTestOperator(gateway.database.pool, plane.kubeconfig, 'default', {
      watchNamespaces: ['tenants'],
    });
  });
  after(async () => {
    await operator?.close();
    await gateway?.close();
  });

  it('says what happens', async () => {
    const directory = await temporaryDirectory('guide');
    const config = join(directory, 'ssh_config');
    await writeFile(config, 'StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nLogLevel ERROR\n');
    const sftp = `sftp -F ${config} -P ${gateway.port}`;
    const steps = readTranscript(await readFile(GUIDE, 'utf8')).map(({ command, expected }) => ({
      command: command.replace('sftp -P 2222', sftp).replace('sftp.example.com', '127.0.0.1'),
      expected,
    }));
    assert.ok(steps.length > 20, `${steps.length} steps`);
    const path = [plane.programs, process.env.PATH].join(delimiter);
    assertPlayed(await play(steps, { PATH: path, KUBECONFIG: plane.kubeconfig, HOME: directory }));
  });

  it('has a test that notices when something else happens', () => {
    const step = { command: '', expected: ['NAME   AGE', 'blue   …', '…', 'end'] };
    assert.ok(matches({ ...step, printed: 'NAME  AGE\nblue  3s\nx\ny\nend\n' }));
    assert.ok(!matches({ ...step, printed: 'NAME  AGE\ngreen  3s\nend\n' }));
    assert.ok(!matches({ ...step, printed: 'NAME  AGE\nblue  3s\nend\nerror\n' }));
  });
});
