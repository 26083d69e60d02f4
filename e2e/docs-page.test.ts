/** The page at /docs as a newcomer uses it: "Try it out" and "Execute", without filling anything in. */
import type { Locator, Page } from 'playwright-core';
import { describeWithBrowser, newPage } from './support/browser';
import { report } from './support/client';
import { describeOnce } from './support/postgres';
import { startService } from './support/service-process';
import { useTokens } from './support/tokens';

/** Two screens, in pixels. */
const MAX_HEIGHT = 1800;

/** Nothing has failed, so there is nothing to retry; all other operations succeed. */
const refused: Record<string, string> = { retryFailedOrder: '409' };

async function openDocs(url: string) {
  const page = await newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // The browser reports each 4xx by itself.
    const loadFailure = 'Failed to load resource: the server responded with a status of 4';
    if (message.type() === 'error' && !message.text().startsWith(loadFailure))
      complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(`${url}/docs`);
  await page.locator('.opblock').first().waitFor();
  return { page, complaints };
}

const operationsOf = (page: Page) => page.locator('.opblock:not([id^=operations-webhooks-])').all();

const toggle = (operation: Locator) => operation.locator('.opblock-summary-control').click();

/** Opens an operation, and returns its height in pixels. */
async function open(operation: Locator): Promise<number> {
  await toggle(operation);
  await operation.locator('.responses-inner .response').first().waitFor();
  return (await operation.boundingBox())!.height;
}

async function tryOut(operation: Locator) {
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  const response = operation.locator('.live-responses-table .response');
  await response.waitFor();
  const status = await response.locator('.response-col_status').innerText();
  // Not the response headers, which are set the same way; a 204 has no body.
  const [body] = await response.locator('pre.microlight:not(:has(.headerline))').allTextContents();
  return { status: status.trim(), body: body?.replace(/\s+/g, ' ').slice(0, 130) };
}

describeOnce('in a browser', () => {
  describeWithBrowser('the page at /docs', () => {
    it.each(['offers', 'confirm-payment'] as const)(
      'of %s shows each operation on two screens, and its prefilled request makes sense',
      async (name) => {
        const confirmPayment = await startService('confirm-payment');
        const env = { CONFIRM_PAYMENT_URL: confirmPayment.url };
        const { url } = name === 'offers' ? await startService(name, env) : confirmPayment;
        const { page, complaints } = await openDocs(url);
        const statuses: Record<string, string> = {};
        const tooTall: string[] = [];
        for (const operation of await operationsOf(page)) {
          const id = (await operation.getAttribute('id'))!.split('-').at(-1)!;
          const height = await open(operation);
          const { status, body } = await tryOut(operation);
          report(`${id}: ${height.toFixed()} px, ${status} ${body ?? ''}`);
          // With all operations open, the page is much slower.
          await toggle(operation);
          statuses[id] = status;
          if (height > MAX_HEIGHT) tooTall.push(id);
        }
        const isExpected = ([id, status]: [string, string]) =>
          id in refused ? status === refused[id] : status.startsWith('2');
        expect(Object.keys(statuses).length).toBeGreaterThan(5);
        expect(Object.entries(statuses).filter((each) => !isExpected(each))).toEqual([]);
        expect(tooTall).toEqual([]);
        expect(complaints).toEqual([]);
        await expect(page.locator('.authorization__btn, .auth-wrapper').count()).resolves.toBe(0);
      },
    );

    it('says that there is no such order before the first checkout', async () => {
      const { url } = await startService('offers');
      const { page } = await openDocs(url);
      const operation = page.locator('[id$=-getOrder]');
      await open(operation);
      const { status, body } = await tryOut(operation);
      expect([status, body]).toEqual(['404', expect.stringContaining('Order not found')]);
    });

    it('shows padlocks on operations that need a token', async () => {
      const { offersEnv } = await useTokens();
      const { url } = await startService('offers', offersEnv);
      const { page, complaints } = await openDocs(url);
      await page.locator('.auth-wrapper').waitFor();
      const locks = (id: string) => page.locator(`[id$=-${id}] .authorization__btn`).count();
      expect([await locks('checkout'), await locks('createWebhookEndpoint')]).toEqual([1, 1]);
      expect([await locks('getHealth'), await locks('getHome')]).toEqual([0, 0]);
      expect(complaints).toEqual([]);
    });
  });
});
