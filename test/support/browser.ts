import { existsSync } from 'node:fs';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { stopAtEnd } from './servers.ts';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const hasChromium = (): boolean => existsSync(CHROMIUM);

let launched: Promise<Browser> | undefined;

/** One browser for all suites; each window has a memory of its own. */
function theBrowser(): Promise<Browser> {
  launched ??= launch();
  return launched;
}

async function launch(): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  stopAtEnd(() => browser.close());
  return browser;
}

/** A browser window with a memory of its own, which writes down what a page must not do. */
export interface Window {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Addresses of other origins that it asked for. */
  readonly foreignRequests: readonly string[];
  /** What the browser complained about, violations of the page's policy among it. */
  readonly complaints: string[];
}

export async function openWindow(url: string, options: BrowserContextOptions = {}): Promise<Window> {
  const browser = await theBrowser();
  const context = await browser.newContext({ locale: 'en-GB', acceptDownloads: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const foreignRequests: string[] = [];
  const complaints: string[] = [];
  const { origin } = new URL(url);
  page.on('request', (request) => {
    const address = request.url();
    if (!address.startsWith(origin) && !address.startsWith('blob:')) foreignRequests.push(address);
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // The browser reports each refused request by itself; the page has told it already.
    const isRefusal = message.text().startsWith('Failed to load resource: the server responded');
    if (['error', 'warning'].includes(message.type()) && !isRefusal) complaints.push(message.text());
  });
  await page.goto(url);
  return { page, context, foreignRequests, complaints };
}
