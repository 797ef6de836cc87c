import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Download, Locator, Page } from 'playwright-core';
import { hasChromium, type Window } from '../support/browser.ts';
import { requireClient } from '../support/clients.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { until } from '../support/gateway.ts';
import {
  chooseTransactions,
  fileOf,
  listed,
  type PageFixture,
  pageFixture,
  parcel,
  partlyWrong,
  signIn,
} from './page-fixture.ts';

/** The cells of a row of a table of errors; 0 is its header. */
const cellsOf = (within: Locator, row: number): Promise<string[]> =>
  within.getByRole('row').nth(row).getByRole('cell').allTextContents();

/** Waits until the list shows so many uploads. */
const only = (page: Page, count: number) =>
  until(async () => (await page.locator('.upload').count()) === count || undefined, 30_000);

const textOf = async (download: Download) => readFile(await download.path(), 'utf8');

describe('The uploads page', function () {
  this.timeout(120_000);
  let fixture: PageFixture;
  const windows: Window[] = [];

  before(async function () {
    requireClient(this, 'Chromium', hasChromium());
    fixture = await pageFixture();
  });
  afterEach(async () => {
    for (const { context, complaints, foreignRequests } of windows.splice(0)) {
      await context.close();
      assert.deepEqual(foreignRequests, [], 'nothing is asked of another host');
      assert.deepEqual(complaints, [], 'no error, and no violation of the policy');
    }
  });

  async function open(): Promise<Page> {
    const window = await fixture.open();
    windows.push(window);
    return window.page;
  }
  async function openSignedIn(): Promise<Page> {
    const window = await fixture.openSignedIn();
    windows.push(window);
    return window.page;
  }

  const complaintsOf = (page: Page) => windows.find((window) => window.page === page)?.complaints ?? [];

  it('signs in with the credential of SFTP, and stays signed in when it is loaded again', async () => {
    const page = await open();
    await signIn(page, await fixture.gateway.credential('blue-bistro', 'pos'));
    await page.getByText('blue-bistro').waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Send a file' }).waitFor();
    const cookies = await page.context().cookies();
    assert.deepEqual(
      cookies.map(({ httpOnly, sameSite }) => ({ httpOnly, sameSite })),
      [{ httpOnly: true, sameSite: 'Strict' }],
    );
    assert.equal(await page.evaluate('document.cookie + JSON.stringify(localStorage)'), '{}');
  });

  it('says so when the secret is wrong, and lets it be typed again', async () => {
    const page = await open();
    const { client_id } = await fixture.gateway.credential('blue-bistro', 'pos');
    await page.getByLabel('Client id').fill(client_id);
    await page.getByLabel('Secret').fill('piing_sk_wrong');
    await page.getByLabel('Secret').press('Enter');
    await page.getByRole('alert').getByText('The client id or the secret is wrong').waitFor();
    assert.equal(await page.evaluate('document.activeElement.name'), 'client_secret');
    await signIn(page, await fixture.gateway.credential('blue-bistro', 'pos'));
  });

  it('follows a chosen file to its end', async () => {
    const page = await openSignedIn();
    await chooseTransactions(page);
    await page.setInputFiles('#file', fileOf('friday.csv', transactionsCsv(20, 101)));
    await parcel(page, 'friday.csv').getByText('Loaded all 20 rows.').waitFor();
    await listed(page, 'friday.csv').getByText('Loaded all 20 rows.').waitFor();
    await page.getByRole('status').getByText('friday.csv: Loaded all 20 rows.').waitFor();
  });

  it('takes files that are dropped, also before it is known what is in them', async () => {
    const page = await openSignedIn();
    const files = await page.evaluateHandle(`(() => {
      const files = new DataTransfer();
      files.items.add(new File([${JSON.stringify(transactionsCsv(10, 102))}], 'dropped.csv'));
      files.items.add(new File(['not a table'], 'holiday.jpg'));
      return files;
    })()`);
    await page.dispatchEvent('.drop-zone', 'drop', { dataTransfer: files });
    await page.getByRole('alert').getByText('2 files to send: choose above what is in it.').waitFor();
    await chooseTransactions(page);
    await parcel(page, 'dropped.csv').getByText('Loaded all 10 rows.').waitFor();
    await parcel(page, 'holiday.jpg').getByText('Only files that end in .csv or .json').waitFor();
  });

  it('tells which rows need attention, and gives them as a file that can be mended and sent', async () => {
    const page = await openSignedIn();
    await chooseTransactions(page);
    await page.setInputFiles('#file', fileOf('evening.csv', partlyWrong(1_000, 103, [3, 500, 998])));
    const sent = parcel(page, 'evening.csv');
    await sent.getByText('Loaded 997 of 1,000 rows. 3 rows need attention.').waitFor();
    const [line, column, found, advice] = await cellsOf(sent, 1);
    assert.deepEqual([line, column, found], ['5', 'gross_amount', '12.5O']);
    assert.match(advice ?? '', /"12\.5O" in gross_amount is not a /);
    const download = page.waitForEvent('download');
    await sent.getByRole('button', { name: 'Download the rows that were not loaded' }).click();
    const file = await download;
    assert.equal(file.suggestedFilename(), 'evening.rejects.csv');
    const rejects = await textOf(file);
    assert.equal(rejects.trim().split(/\r?\n/).length, 4);
    await page.setInputFiles('#file', fileOf('mended.csv', rejects.replaceAll('12.5O', '12.50')));
    await parcel(page, 'mended.csv').getByText('Loaded all 3 rows.').waitFor();
  });

  it('shows the other errors of a file with many, ten at first', async () => {
    const page = await openSignedIn();
    await chooseTransactions(page);
    const wrong = Array.from({ length: 40 }, (_, index) => index);
    await page.setInputFiles('#file', fileOf('many.csv', partlyWrong(50, 104, wrong)));
    const sent = parcel(page, 'many.csv');
    await sent.getByText('40 rows need attention.').waitFor();
    assert.equal(await sent.getByRole('row').count(), 11);
    await sent.getByRole('button', { name: 'Show more errors' }).click();
    await sent.getByRole('row').nth(40).waitFor();
    assert.equal(await sent.getByRole('button', { name: 'Show more errors' }).count(), 0);
  });

  it('tells what is wrong with a file that is not accepted, in its place', async () => {
    const page = await openSignedIn();
    await chooseTransactions(page);
    await page.setInputFiles('#file', fileOf('stock.csv', transactionsCsv(2).replace('opened_at', 'sku')));
    const sent = parcel(page, 'stock.csv');
    await sent.getByText('Not accepted. Nothing was loaded.').waitFor();
    assert.match((await cellsOf(sent, 1)).join('|'), /^1\|.*\|The header lacks "?opened_at/);
    await listed(page, 'stock.csv').getByRole('button', { name: 'Details' }).click();
    await listed(page, 'stock.csv').getByText('The header lacks').waitFor();
  });

  it('shows the progress of a large file, which can be cancelled and sent again', async () => {
    const page = await openSignedIn();
    const network = await page.context().newCDPSession(page);
    const limits = { offline: false, latency: 0, downloadThroughput: -1 };
    await network.send('Network.enable');
    await network.send('Network.emulateNetworkConditions', { ...limits, uploadThroughput: 300_000 });
    await chooseTransactions(page);
    await page.setInputFiles('#file', fileOf('large.csv', transactionsCsv(10_000, 105)));
    const sent = parcel(page, 'large.csv');
    await sent.getByText(/Sending, [1-9]\d? %\./).waitFor();
    const bar = sent.getByRole('progressbar', { name: 'Sending large.csv' });
    const fraction = Number(await bar.getAttribute('value'));
    assert.ok(fraction > 0 && fraction < 1, String(fraction));
    await sent.getByRole('button', { name: 'Cancel' }).click();
    await sent.getByText('Cancelled. Nothing was loaded.').waitFor();
    await network.send('Network.emulateNetworkConditions', { ...limits, uploadThroughput: -1 });
    await sent.getByRole('button', { name: 'Send again' }).click();
    await sent.getByText('Loaded all 10,000 rows.').waitFor();
  });

  it('sends again what a broken connection has stopped', async () => {
    const page = await openSignedIn();
    await chooseTransactions(page);
    await page.context().setOffline(true);
    await page.setInputFiles('#file', fileOf('offline.csv', transactionsCsv(5, 106)));
    await parcel(page, 'offline.csv').getByText('The server cannot be reached.').waitFor();
    await page.context().setOffline(false);
    await parcel(page, 'offline.csv').getByRole('button', { name: 'Send again' }).click();
    await parcel(page, 'offline.csv').getByText('Loaded all 5 rows.').waitFor();
    assert.match(complaintsOf(page).splice(0).join(), /ERR_INTERNET_DISCONNECTED/);
  });

  it('finds an upload that came by SFTP: by name, sender, state, day and id', async () => {
    await fixture.put('/orgTransactions/till-7 Closing.csv', transactionsCsv(8, 107));
    await fixture.put('/orgTransactions/till-8.csv', partlyWrong(8, 108, [2]));
    const page = await openSignedIn();
    const name = page.getByLabel('File name or upload id');
    const found = page.getByRole('list', { name: 'Uploads, newest first' }).getByRole('listitem');
    await name.fill('CLOSING');
    await listed(page, 'till-7 Closing.csv').getByText('Loaded all 8 rows.').waitFor();
    await found.first().getByText('by SFTP').waitFor();
    await page.getByRole('status').getByText('1 upload found.').waitFor();

    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByLabel('Sent by').selectOption('SFTP');
    await page.getByLabel('State').selectOption('Loaded in part');
    await listed(page, 'till-8.csv').getByText('Loaded 7 of 8 rows. 1 row needs attention.').waitFor();
    await only(page, 1);
    await found.first().getByRole('button', { name: 'Details' }).click();
    const id = await found.first().locator('dt', { hasText: 'Upload id' }).locator('+ dd').textContent();

    await page.getByLabel('From').fill('2020-01-01');
    await page.getByLabel('To').fill('2020-01-02');
    await page.getByText('No upload fits.').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await name.fill(id ?? '');
    await only(page, 1);
    await listed(page, 'till-8.csv').waitFor();
  });

  it('shows what arrives by SFTP while it is open', async () => {
    const page = await openSignedIn();
    await listed(page, 'friday.csv').first().waitFor();
    await fixture.put('/orgTransactions/while-open.csv', transactionsCsv(3, 109));
    await listed(page, 'while-open.csv').getByText('Loaded all 3 rows.').waitFor({ timeout: 20_000 });
  });

  it('gives a template of each folder', async () => {
    const page = await openSignedIn();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Template for Shifts' }).click();
    const file = await download;
    assert.equal(file.suggestedFilename(), 'orgShifts.csv');
    assert.match(await textOf(file), /^shift_id,/);
  });

  it('signs out, and the cookie is gone', async () => {
    const page = await openSignedIn();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();
    assert.deepEqual(await page.context().cookies(), []);
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in to your uploads' }).waitFor();
  });

  it('asks to sign in again when the session is over, and goes on with the file that met it', async () => {
    const page = await openSignedIn();
    await chooseTransactions(page);
    await page.context().clearCookies();
    await page.setInputFiles('#file', fileOf('late.csv', transactionsCsv(4, 110)));
    await page.getByText('Your session has ended.').waitFor();
    await signIn(page, await fixture.gateway.credential('blue-bistro', 'pos'));
    await parcel(page, 'late.csv').getByRole('button', { name: 'Send again' }).click();
    await parcel(page, 'late.csv').getByText('Loaded all 4 rows.').waitFor();
  });

  it('ends within seconds when the credential is revoked', async () => {
    const page = await open();
    const credential = await fixture.gateway.credential('corner-books', 'erp');
    await signIn(page, credential);
    const revoke = 'UPDATE piing.credentials SET revoked_at = $2 WHERE client_id = $1';
    await fixture.query(revoke, [credential.client_id, new Date()]);
    try {
      await page.getByText('Your session has ended.').waitFor({ timeout: 15_000 });
    } finally {
      await fixture.query(revoke, [credential.client_id, null]);
    }
  });

  it("shows nothing of another organization's, and nothing of it to the next who signs in", async () => {
    const page = await openSignedIn();
    await chooseTransactions(page);
    await page.setInputFiles('#file', fileOf('secret.csv', transactionsCsv(4, 111)));
    await parcel(page, 'secret.csv').getByText('Loaded all 4 rows.').waitFor();
    await page.context().clearCookies();
    await page.getByLabel('File name or upload id').fill('anything');
    await page.getByText('Your session has ended.').waitFor();
    await signIn(page, await fixture.gateway.credential('corner-books', 'erp'));
    await page.getByText('Nothing yet.').waitFor();
    assert.equal(await page.getByText('secret.csv').count(), 0);
  });
});
