import assert from 'node:assert/strict';
import { hasChromium, openWindow, type Window } from '../support/browser.ts';
import { requireClient } from '../support/clients.ts';
import { pageFixture } from './page-fixture.ts';

describe('The page at /docs', function () {
  this.timeout(90_000);
  let window: Window;
  let credential: { readonly client_id: string; readonly client_secret: string };
  before(async function () {
    requireClient(this, 'Chromium', hasChromium());
    const { gateway } = await pageFixture();
    credential = await gateway.credential('blue-bistro', 'pos');
    window = await openWindow(`${gateway.endpoints.http.url}/docs`);
  });
  after(() => window?.context.close());

  it('is there without a request to another host, and breaks no rule of its own policy', async () => {
    await window.page.getByText('/api/external/upload', { exact: true }).first().waitFor();
    assert.deepEqual(window.foreignRequests, []);
    assert.deepEqual(window.complaints, []);
  });

  it('gets a token and lists the uploads with it, by its own buttons', async () => {
    const { page } = window;
    const response = await page.request.post(`${new URL(page.url()).origin}/api/external/auth/token`, {
      data: credential,
    });
    const { access_token: token } = (await response.json()) as { readonly access_token: string };
    await page.getByRole('button', { name: 'Authorize' }).first().click();
    await page.locator('.auth-container input').first().fill(token);
    await page.getByRole('button', { name: 'Apply credentials' }).click();
    await page.getByRole('button', { name: 'Close' }).first().click();
    const list = page.locator('.opblock-get', { hasText: '/api/external/uploads' }).first();
    await list.locator('.opblock-summary').click();
    await list.getByRole('button', { name: 'Execute' }).click();
    const answer = list.locator('.live-responses-table .response').first();
    await answer.locator('.response-col_status', { hasText: '200' }).waitFor();
    assert.match((await answer.locator('.microlight').first().textContent()) ?? '', /"uploads"/);
  });
});
