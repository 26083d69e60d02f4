import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { newPage } from './browser';
import { newEmptyFolder } from './data-folder';

/** Scopes of a user of the page. */
export const USER_SCOPES = 'offers:read orders:read orders:write';

/**
 * Opens the page of offers, and collects what a browser complains about: errors, dialogs, violations of the policy.
 * The failures of requests are not among them: the page shows these.
 */
export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}) {
  const page = await newPage({ locale: 'en-US', ...options }, browser);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => {
    complaints.push(dialog.message());
    void dialog.dismiss();
  });
  await page.goto(url);
  return { page, complaints };
}

/** Text that does harm if it becomes markup, or changes the direction of what follows. */
export const hostile = '<img src=x onerror=alert(1)><script>alert(2)</script>\u202Elive';

/** Writes a list of providers. Returns the environment of offers that uses it. */
export function providersFile(...providers: object[]) {
  const file = join(newEmptyFolder().DATA_DIR, 'providers.json');
  writeFileSync(file, JSON.stringify({ providers }));
  return { PROVIDERS_FILE: file, ALLOW_PRIVATE_PROVIDERS: 'true' };
}

export const rows = (page: Page) => page.locator('tbody tr');

/** Opens the checkout of the first offer. */
export async function openCheckout(page: Page) {
  await rows(page).first().getByRole('link', { name: 'Check out' }).click();
  await page.getByText('Provider', { exact: true }).waitFor();
}

/** Checks out the first offer as cristina, and waits for the order. */
export async function order(page: Page, options: { atOnce?: boolean } = {}) {
  await openCheckout(page);
  await page.getByLabel('Your user id').fill('cristina');
  if (options.atOnce) await page.getByLabel('Show me the order at once').check();
  await page.getByRole('button', { name: 'Order this loan' }).click();
  await page.waitForURL(/#\/order\?id=order-/);
}

/** Waits until the order on the page has this status. */
export const showsStatus = (page: Page, status: 'Pending' | 'Approved' | 'Rejected') =>
  page.locator('.badge', { hasText: status }).waitFor();

export const useToken = async (page: Page, token: string) => {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Use this token' }).click();
};
