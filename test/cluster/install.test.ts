import assert from 'node:assert/strict';
import { RELEASE } from '../support/helm.ts';
import { CLIENT_ADDRESS } from './support/namespaces.ts';
import { NAMESPACE, podsOf, ROLES } from './support/release.ts';
import {
  FIRST_TIMEOUT_MS,
  type Installed,
  installed,
  smallFile,
  untilLoaded,
  uploadsNamed,
} from './support/world.ts';

describe('On a Kubernetes node the chart', function () {
  this.timeout(900_000);
  let world: Installed;
  before(async function () {
    this.timeout(FIRST_TIMEOUT_MS);
    world = await installed();
  });

  it('installs two ready pods of each role where only restricted pods are let in', async () => {
    for (const role of ROLES) {
      const pods = await podsOf(world.node, role);
      assert.deepEqual(
        pods.map(({ ready }) => ready),
        [true, true],
        role,
      );
    }
  });

  it('passes its own helm test', async () => {
    const output = await world.node.helm(['test', RELEASE, `--namespace=${NAMESPACE}`, '--logs']);
    assert.match(output, /Phase:\s+Succeeded/);
    assert.match(output, /SFTP \S+: SSH-2\.0-/);
    assert.match(output, /HTTP \S+: 200/);
  });

  it('gives a tenant that kubectl applied its folders, by the load balancer’s address', async () => {
    const { code, stdout, stderr } = await world.client.batch('ls -1\n');
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      stdout
        .split('\n')
        .filter((line) => /^\w+$/.test(line))
        .sort(),
      ['orgShifts', 'orgTransactions'],
    );
  });

  it('turns a file that OpenSSH put into rows', async () => {
    const { code, stderr } = await world.client.putContents(new Map([['first.csv', smallFile(1)]]));
    assert.equal(code, 0, stderr);
    await untilLoaded(world, [1]);
    const [upload] = await uploadsNamed(world, 'first.csv');
    assert.equal(upload?.status, 'COMPLETED');
    assert.equal((await world.stores.objects()).filter((path) => path.includes(upload.id)).length, 1);
  });

  it('knows the client by its own address, as source ranges need it', async () => {
    const [upload] = await uploadsNamed(world, 'first.csv');
    assert.equal(upload?.remoteAddress, CLIENT_ADDRESS);
  });

  it('lets an administrator look at uploads in a pod', async () => {
    const output = await world.node.mustKubectl([
      ...['exec', `--namespace=${NAMESPACE}`, `deployment/${RELEASE}-worker`, '--'],
      ...['piing', 'uploads', 'list', '--json'],
    ]);
    assert.match(output, /"first\.csv"/);
  });
});
