import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describeUnless, HANG_MS } from '@loan-buddy/kit/testing';
import { chromium, type Browser, type BrowserContextOptions } from 'playwright-core';
import { atEnd } from './at-end';

const names = ['chromium', 'chromium-browser', 'google-chrome'];
const executablePath = names
  .flatMap((name) => (process.env['PATH'] ?? '').split(delimiter).map((path) => join(path, name)))
  .find(existsSync);

/** `describe` for tests that need a browser. */
export const describeWithBrowser = describeUnless(
  executablePath === undefined ? `none of ${names.join(', ')} is on the PATH` : undefined,
);

/** Starts a browser that sends no requests of its own. */
export async function startBrowser(): Promise<Browser> {
  const quiet = ['disable-background-networking', 'disable-component-update', 'disable-sync'];
  const flags = ['no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', ...quiet];
  const browser = await chromium.launch({
    executablePath: executablePath!,
    timeout: HANG_MS,
    args: flags.map((flag) => `--${flag}`),
  });
  atEnd(() => browser.close());
  return browser;
}

/** Opens a page with a profile of its own, by default in a browser of its own. Closes it after the test. */
export async function newPage(options: BrowserContextOptions = {}, running?: Browser) {
  const browser = running ?? (await startBrowser());
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  atEnd(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(HANG_MS);
  return page;
}
