import { transactionsCsv } from '../../support/csv-files.ts';
import { diagnose } from './diagnose.ts';
import { eventually, type Node, testNode } from './node.ts';
import { install, loadBalancerAddress, prepareNamespace } from './release.ts';
import { report } from './report.ts';
import { type SftpClient, sftpClient } from './sftp-client.ts';
import { type Stores, startStores } from './stores.ts';
import { addTenant, type Tenant } from './tenant.ts';

/** Enough for everything that a suite has to wait for at first: programs, the image, a node, an installation. */
export const FIRST_TIMEOUT_MS = 3_600_000;
const ROWS_A_FILE = 3;

export interface Installed {
  readonly node: Node;
  readonly stores: Stores;
  /** Of the load balancer. */
  readonly address: string;
  readonly tenant: Tenant;
  readonly client: SftpClient;
}

let shared: Promise<Installed> | undefined;

/** The one installation of a run, with a tenant; the suites of this directory work on it one after the other. */
export function installed(): Promise<Installed> {
  shared ??= installAll().catch(async (error: unknown) => {
    await diagnose();
    throw error;
  });
  return shared;
}

async function installAll(): Promise<Installed> {
  const node = await testNode();
  const stores = await report('database and S3 up', () => startStores(node));
  await prepareNamespace(node, stores);
  await report('helm install', () => install(node));
  const address = await loadBalancerAddress(node);
  const tenant = await addTenant(node, 'blue-bistro');
  return { node, stores, address, tenant, client: sftpClient(node, address, tenant) };
}

/** A file whose rows nobody else sends: the number is part of their keys. */
export const smallFile = (number: number): string => transactionsCsv(ROWS_A_FILE, number);

/** Until the rows of all these files are there; fails with the numbers of those that are not. */
export async function untilLoaded({ stores, tenant }: Installed, numbers: readonly number[]): Promise<void> {
  const missing = async () => {
    const { rows } = await stores.pool.query<{ number: number }>(LOADED, [tenant.organization, ROWS_A_FILE]);
    const loaded = new Set(rows.map(({ number }) => number));
    return numbers.filter((number) => !loaded.has(number));
  };
  await eventually(async () => ((await missing()).length === 0 ? true : undefined)).catch(async () => {
    throw new Error(`Without all of their rows: files ${(await missing()).join(', ')}`);
  });
}

/** Numbers of the files whose rows are all there. */
const LOADED = `
SELECT split_part(transaction_id, '-', 2)::int AS number FROM public.org_transactions
 WHERE organization_id = $1 GROUP BY 1 HAVING count(*) = $2`;

export interface UploadRecord {
  readonly id: string;
  readonly status: string;
  /** The pod that received it, while it is known. */
  readonly pod: string | null;
  readonly remoteAddress: string;
}

/** What the control database knows of the uploads of a file name, oldest first. */
export async function uploadsNamed({ stores }: Installed, name: string): Promise<UploadRecord[]> {
  const { rows } = await stores.pool.query<UploadRecord>(
    `SELECT u.id, u.status, i.host AS pod, u.remote_address AS "remoteAddress"
       FROM piing.uploads u LEFT JOIN piing.instances i ON i.id = u.instance_id
      WHERE u.file_name = $1 ORDER BY u.id`,
    [name],
  );
  return rows;
}
