import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describeUnless, HANG_MS } from '@loan-buddy/kit/testing';
import { chromium, type BrowserContextOptions, type Page } from 'playwright-core';
import { atEnd } from './at-end';

const names = ['chromium', 'chromium-browser', 'google-chrome'];
const executablePath = names
  .flatMap((name) => (process.env['PATH'] ?? '').split(delimiter).map((path) => join(path, name)))
  .find(existsSync);

/** `describe` for tests that need a browser. */
export const describeWithBrowser = describeUnless(
  executablePath === undefined ? `none of ${names.join(', ')} is on the PATH` : undefined,
);

/** Opens a page in a new browser that sends no requests of its own. Closes the browser after the test. */
export async function newPage(options: BrowserContextOptions = {}): Promise<Page> {
  const quiet = ['disable-background-networking', 'disable-component-update', 'disable-sync'];
  const flags = ['no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', ...quiet];
  const browser = await chromium.launch({
    executablePath: executablePath!,
    timeout: HANG_MS,
    args: flags.map((flag) => `--${flag}`),
  });
  atEnd(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  page.setDefaultTimeout(HANG_MS);
  return page;
}
