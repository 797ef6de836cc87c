import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateTransactions } from '../support/csv-files.ts';
import { eventually } from './support/node.ts';
import { NAMESPACE, untilReady } from './support/release.ts';
import { say } from './support/report.ts';
import {
  FIRST_TIMEOUT_MS,
  type Installed,
  installed,
  type UploadRecord,
  uploadsNamed,
} from './support/world.ts';

/** 50 MB. */
const ROWS = 360_000;
/** Such that the upload takes about 20 s. */
const KILOBITS_PER_SECOND = 20_000;

describe('In the middle of an upload of 50 MB, a gateway pod', function () {
  this.timeout(900_000);
  let world: Installed;
  before(async function () {
    this.timeout(FIRST_TIMEOUT_MS);
    world = await installed();
  });
  beforeEach(() => untilReady(world.node, 'gateway'));

  let seed = 900_000;

  async function largeFile(name: string): Promise<string> {
    const file = join(world.node.directory, name);
    seed += 1;
    await writeFile(file, generateTransactions(ROWS, { seed }).bytes);
    return file;
  }

  /** Puts the file slowly, deletes the pod that receives it, and returns what became of the put. */
  async function putAndDelete(name: string, ...options: readonly string[]) {
    const file = await largeFile(name);
    const put = world.client.put(file, KILOBITS_PER_SECOND);
    const { pod } = await eventually(async () => {
      const [upload] = await uploadsNamed(world, name);
      return upload?.status === 'RECEIVING' && upload.pod ? upload : undefined;
    });
    await sleep(3_000);
    await world.node.mustKubectl(['delete', 'pod', String(pod), `--namespace=${NAMESPACE}`, ...options]);
    return { file, ran: await put };
  }

  const untilStatus = (name: string, ...wanted: readonly string[]): Promise<readonly UploadRecord[]> =>
    eventually(async () => {
      const uploads = await uploadsNamed(world, name);
      return uploads.length === wanted.length && uploads.every(({ status }, at) => status === wanted[at])
        ? uploads
        : undefined;
    });

  const rowsOf = async (name: string): Promise<number> => {
    const { rows } = await world.stores.pool.query<{ rows: string }>(
      `SELECT count(*) AS rows FROM public.org_transactions t JOIN piing.uploads u ON u.id = t._upload_id
        WHERE u.file_name = $1`,
      [name],
    );
    return Number(rows[0]?.rows);
  };

  it('that is killed fails the put, leaves nothing of it, and the put that follows succeeds', async () => {
    const { file, ran } = await putAndDelete('killed.csv', '--grace-period=0', '--force');
    assert.notEqual(ran.code, 0, 'the client is told');
    say(`sftp: ${ran.stderr.trim()}`);
    const again = await world.client.put(file);
    assert.equal(again.code, 0, again.stderr);
    const [first] = await untilStatus('killed.csv', 'ABANDONED', 'COMPLETED');
    assert.equal(await rowsOf('killed.csv'), ROWS);
    await eventually(async () => {
      const left = (await world.stores.objects()).filter((path) => path.includes(String(first?.id)));
      return left.length === 0 ? true : undefined;
    });
  });

  it('that is told to stop receives it to its end first', async () => {
    const { ran } = await putAndDelete('drained.csv');
    assert.equal(ran.code, 0, ran.stderr);
    await untilStatus('drained.csv', 'COMPLETED');
    assert.equal(await rowsOf('drained.csv'), ROWS);
  });
});
