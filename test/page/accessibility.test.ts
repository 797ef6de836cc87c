import assert from 'node:assert/strict';
import { join } from 'node:path';
import axe from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { hasChromium } from '../support/browser.ts';
import { requireClient } from '../support/clients.ts';
import { transactionsCsv } from '../support/csv-files.ts';
import { fileOf, listed, type PageFixture, pageFixture, parcel, partlyWrong } from './page-fixture.ts';

const LOOKS: readonly (readonly [string, BrowserContextOptions])[] = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['phone', { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true }],
];

describe('Everybody can use the uploads page', function () {
  this.timeout(120_000);
  let fixture: PageFixture;

  before(async function () {
    requireClient(this, 'Chromium', hasChromium());
    fixture = await pageFixture();
  });

  for (const [look, options] of LOOKS) {
    it(`${look}: axe finds nothing on any of its views, and nothing is wider than the window`, async () => {
      const { page, context } = await fixture.open(options);
      await page.getByRole('heading', { name: 'Sign in to your uploads' }).waitFor();
      await assertGood(page, `${look}-1-sign-in`);
      await page.getByLabel('Client id').fill('piing_nobody');
      await page.getByLabel('Secret').fill('wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').getByText('wrong').waitFor();
      await assertGood(page, `${look}-2-refused`);
      await context.close();

      const signedIn = await fixture.openSignedIn(options);
      await assertGood(signedIn.page, `${look}-3-signed-in`);
      await showEveryState(
        signedIn.page,
        LOOKS.findIndex(([name]) => name === look),
      );
      await assertGood(signedIn.page, `${look}-4-uploads`);
      await signedIn.context.close();
    });
  }

  it('works by keyboard alone: sign in, choose, send, read what to mend, sign out', async () => {
    const { page, context } = await fixture.open();
    const { client_id, client_secret } = await fixture.gateway.credential('blue-bistro', 'pos');
    const { keyboard } = page;
    const focused = () =>
      page.evaluate<string>('document.activeElement.textContent || document.activeElement.id');
    const tabTo = async (what: RegExp, key = 'Tab') => {
      for (let count = 0; count < 40; count += 1) {
        await keyboard.press(key);
        if (what.test(await focused())) return;
      }
      assert.fail(`Tab does not come to ${what}`);
    };
    await page.getByLabel('Client id').waitFor();
    await tabTo(/client-id/);
    await keyboard.type(client_id);
    await tabTo(/client-secret/);
    await keyboard.type(client_secret);
    await keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Send a file' }).waitFor();
    assert.equal(await focused(), 'Send a file', 'the focus is where the work begins');
    await keyboard.press('Tab');
    await keyboard.press('ArrowUp');
    assert.equal(await page.evaluate('document.activeElement.value'), 'orgTransactions');
    await tabTo(/^file$/);
    await chooseByKeyboard(page, fileOf('keyboard.csv', partlyWrong(5, 301, [1])));
    await parcel(page, 'keyboard.csv').getByText('1 row needs attention.').waitFor();
    await listed(page, 'keyboard.csv').getByText('1 row needs attention.').waitFor();
    await tabTo(/^Details$/);
    await keyboard.press('Enter');
    await listed(page, 'keyboard.csv').getByText('"12.5O"').waitFor();
    assert.equal(await focused(), 'Hide details', 'the focus stays where it was');
    await tabTo(/^Sign out$/, 'Shift+Tab');
    await keyboard.press('Space');
    await page.getByText('You are signed out.').waitFor();
    assert.equal(await focused(), 'Sign in to your uploads', 'the focus is where the page goes on');
    await context.close();
  });

  it('moves nothing for people who asked for reduced motion', async () => {
    const { page, context } = await fixture.openSignedIn({ reducedMotion: 'reduce' });
    const moving = await page.evaluate<number>(`[...document.querySelectorAll('*')].filter((element) => {
      const { transitionDuration, animationName } = getComputedStyle(element);
      return transitionDuration !== '0s' || animationName !== 'none';
    }).length`);
    assert.equal(moving, 0);
    await context.close();
  });

  /** A busy Chromium may drop the dialog of a key press; people press again, and so does this. */
  async function chooseByKeyboard(page: Page, file: ReturnType<typeof fileOf>): Promise<void> {
    for (let presses = 1; ; presses += 1) {
      const chooser = page.waitForEvent('filechooser', { timeout: 5_000 });
      await page.keyboard.press('Space');
      const opened = await chooser.catch((error: unknown) => {
        if (presses === 4) throw error;
      });
      if (opened !== undefined) return await opened.setFiles(file);
    }
  }

  /** A file of each fate, with the details of one open. */
  async function showEveryState(page: Page, look: number): Promise<void> {
    await page.getByRole('radio', { name: 'Transactions orgTransactions' }).check();
    await page.setInputFiles('#file', [
      fileOf('good.csv', transactionsCsv(20, 200 + look)),
      fileOf(
        'partly-a-rather-long-name-as-tills-make-them-2026-02-20.csv',
        partlyWrong(30, 210 + look, [2, 7]),
      ),
      fileOf('wrong.csv', 'sku,on_hand\nA-1,5\n'),
      fileOf('picture.png', 'no table'),
    ]);
    await parcel(page, 'partly').getByText('2 rows need attention.').waitFor();
    await parcel(page, 'wrong.csv').getByText('Not accepted.').waitFor();
    const partly = listed(page, 'partly').first();
    await partly.getByText('2 rows need attention.').waitFor();
    await partly.getByRole('button', { name: 'Details' }).click();
  }

  async function assertGood(page: Page, name: string): Promise<void> {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<axe.AxeResults>('axe.run()');
    assert.deepEqual(
      violations.map(
        ({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html).join(' ')}`,
      ),
      [],
      name,
    );
    const [content, window] = await page.evaluate<number[]>(
      '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
    );
    assert.equal(content, window, `${name}: the page scrolls sideways`);
    const { SCREENSHOTS } = process.env;
    if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
  }
});
