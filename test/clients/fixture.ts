import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { transactionsCsv } from '../support/csv-files.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { temporaryDirectory } from '../support/servers.ts';
import type { Tenant } from '../support/tenants.ts';

/** What every client's suite starts from: a gateway, two folders, and files to put. */
export interface ClientFixture {
  readonly gateway: TestGateway;
  readonly directory: string;
  /** 200 rows. */
  readonly good: string;
  /** 20,000 rows, 2.9 MB: more than any client sends before it waits. */
  readonly large: string;
  /** Refused by its header. */
  readonly wrong: string;
  newTenant(): Promise<Tenant>;
}

export const GOOD_ROWS = 200;
export const LARGE_ROWS = 20_000;

export async function clientFixture(name: string): Promise<ClientFixture> {
  const gateway = await startTestGateway();
  const directory = await temporaryDirectory(name);
  const file = async (base: string, content: string) => {
    const path = join(directory, base);
    await writeFile(path, content);
    return path;
  };
  return {
    gateway,
    directory,
    good: await file('february-sales.csv', transactionsCsv(GOOD_ROWS)),
    large: await file('large.csv', transactionsCsv(LARGE_ROWS)),
    wrong: await file('wrong.csv', 'name,price\nPizza,12\n'),
    newTenant: () => gateway.tenant({ schemaTypes: ['orgTransactions', 'orgShifts'] }),
  };
}
