import { join } from 'node:path';
import pg from 'pg';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { buildPage } from '../../tools/build-page.mjs';
import { openWindow, type Window } from '../support/browser.ts';
import { TRANSACTIONS_HEADER, transactionLine } from '../support/csv-files.ts';
import { RawSftp } from '../support/raw-sftp.ts';
import { temporaryDirectory } from '../support/servers.ts';
import { type StandaloneProcess, startStandalone } from '../support/standalone.ts';

/** The whole gateway, as `npm start` runs it, with its page. */
export interface PageFixture {
  readonly gateway: StandaloneProcess;
  /** A new window on the page, nobody signed in. */
  open(options?: BrowserContextOptions): Promise<Window>;
  /** A new window, signed in as the point of sale of Blue Bistro. */
  openSignedIn(options?: BrowserContextOptions): Promise<Window>;
  /** Puts a file by SFTP for Blue Bistro. */
  put(path: string, content: string): Promise<void>;
  query(sql: string, values: readonly unknown[]): Promise<void>;
}

let started: Promise<PageFixture> | undefined;

/** One for all suites of the page: each test sends files of its own. */
export function pageFixture(): Promise<PageFixture> {
  started ??= start();
  return started;
}

async function start(): Promise<PageFixture> {
  const directory = join(await temporaryDirectory('page'), 'data');
  const gateway = await startStandalone(directory, { PIING_PAGE_DIR: await buildPage() });
  const open = (options?: BrowserContextOptions) => openWindow(gateway.endpoints.http.url, options);
  return {
    gateway,
    open,
    openSignedIn: async (options) => {
      const window = await open(options);
      await signIn(window.page, await gateway.credential('blue-bistro', 'pos'));
      return window;
    },
    put: async (path, content) => {
      const { client_id: username, client_secret: password } = await gateway.credential('blue-bistro', 'pos');
      const { host, port } = gateway.endpoints.sftp;
      const sftp = await RawSftp.connect({ host, port, username, password });
      const handle = await sftp.openHandle(path);
      await sftp.write(handle, 0, Buffer.from(content));
      await sftp.close(handle);
      await sftp.quit();
    },
    query: async (sql, values) => {
      const client = new pg.Client({ connectionString: gateway.endpoints.database.url });
      await client.connect();
      await client.query(sql, [...values]);
      await client.end();
    },
  };
}

export async function signIn(
  page: Page,
  credential: { readonly client_id: string; readonly client_secret: string },
): Promise<void> {
  await page.getByLabel('Client id').fill(credential.client_id);
  await page.getByLabel('Secret').fill(credential.client_secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Send a file' }).waitFor();
}

/** A file as a page takes it from a disk. */
export const fileOf = (name: string, content: string) => ({
  name,
  mimeType: 'text/csv',
  buffer: Buffer.from(content),
});

export const chooseTransactions = (page: Page): Promise<void> =>
  page.getByRole('radio', { name: 'Transactions orgTransactions' }).check();

/** What the page says of a file that was sent from it. */
export const parcel = (page: Page, name: string) =>
  page
    .getByRole('list', { name: 'Files sent from this page' })
    .getByRole('listitem')
    .filter({ hasText: name });

/** The entry of the list of all uploads. */
export const listed = (page: Page, name: string) =>
  page.getByRole('list', { name: 'Uploads, newest first' }).getByRole('listitem').filter({ hasText: name });

/** Transactions of which every row with one of these numbers has an amount that is none. */
export function partlyWrong(rows: number, seed: number, wrong: readonly number[]): string {
  const lines = Array.from({ length: rows }, (_, index) => {
    const line = transactionLine(index, seed);
    return wrong.includes(index) ? line.replace(/,USD,[\d.]+,/, ',USD,12.5O,') : line;
  });
  return `${[TRANSACTIONS_HEADER, ...lines].join('\n')}\n`;
}
