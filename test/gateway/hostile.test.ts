import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { transactionsCsv } from '../support/csv-files.ts';
import { RawSftp } from '../support/raw-sftp.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { type StandaloneProcess, startStandalone } from '../support/standalone.ts';
import { ATTACKS_FROM_OUTSIDE, ATTACKS_FROM_WITHIN, type Target } from './attacks.ts';

const MIB = 1024 * 1024;
/** What may stay: V8 and malloc do not give all freed pages back. */
const MAY_STAY = 96 * MIB;
/** At any time, above what it began with: the process-wide buffers and what V8 needs to clear them away. */
const MAY_USE = 384 * MIB;

/** A gateway as a process of its own, so that its memory is its own, with all limits at their defaults but two. */
describe('A hostile client', function () {
  this.timeout(120_000);
  let gateway: StandaloneProcess;
  let target: Target;
  let initial = 0;
  let most = 0;
  let watch: NodeJS.Timeout;

  before(async () => {
    gateway = await startStandalone(await temporaryDirectory('hostile'), {
      PIING_SFTP_LOGIN_SECONDS: '8',
      PIING_SFTP_UNREAD_SECONDS: '3',
      PIING_LOG_LEVEL: 'info',
    });
    const { client_id: username, client_secret: password } = await gateway.credential('blue-bistro', 'pos');
    target = { port: gateway.endpoints.sftp.port, username, password };
    for (let count = 0; count < 10; count += 1) await serves(`warm-${count}.csv`);
    initial = await gateway.residentMemory();
    watch = setInterval(() => {
      void gateway.residentMemory().then((bytes) => {
        most = Math.max(most, bytes);
      });
    }, 50);
  });
  after(async () => {
    clearInterval(watch);
    await gateway.stop();
  });
  beforeEach(() => {
    most = 0;
  });

  /** An honest client, who has an address of its own, gets a file through. */
  async function serves(name: string): Promise<void> {
    const client = await RawSftp.connect({ host: '127.0.0.1', localAddress: '127.0.0.2', ...target });
    const handle = await client.openHandle(`/orgTransactions/${name}`);
    await client.write(handle, 0, transactionsCsv(500));
    const closed = await client.close(handle);
    assert.ok(closed.type === 'status' && closed.code === 0, JSON.stringify(closed));
    assert.equal(await client.quit(), 0);
  }

  for (const [where, attacks] of [
    ['from outside', ATTACKS_FROM_OUTSIDE],
    ['with a credential', ATTACKS_FROM_WITHIN],
  ] as const) {
    for (const [name, attack] of Object.entries(attacks)) {
      it(`${where}: ${name}`, async () => {
        const attacked = attack(target);
        await Promise.all([attacked, sleep(200).then(() => serves(`during-${Date.now()}.csv`))]);
        await serves(`after-${Date.now()}.csv`);
        assert.equal(gateway.process.exitCode, null);
        assert.ok(most - initial < MAY_USE, `${inMib(most)} at most, ${inMib(initial)} before`);
      });
    }
  }

  it('leaves the memory as it was, and nothing but refusals in the log', async () => {
    // V8 gives back what it does not need once it has had nothing to do for some seconds.
    let now = Number.POSITIVE_INFINITY;
    for (let seconds = 0; seconds < 60 && now > initial + MAY_STAY; seconds += 1) {
      await sleep(1_000);
      now = await gateway.residentMemory();
    }
    await serves('calm.csv');
    process.stderr.write(`      memory: ${inMib(initial)} before, ${inMib(now)} after\n`);
    assert.ok(now <= initial + MAY_STAY, `${inMib(now)} after, ${inMib(initial)} before`);
    assert.doesNotMatch(gateway.output(), /unhandled|uncaught|TypeError|RangeError|failed unexpectedly/i);
  });
});

const inMib = (bytes: number) => `${Math.round(bytes / MIB)} MiB`;
