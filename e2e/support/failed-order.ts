import { postCheckout, untilFinal, type OrderBody } from './client';
import { newStorage } from './postgres';
import { startService } from './service-process';

export interface FailedOrder {
  storage: NodeJS.ProcessEnv;
  id: string;
}

/** An order that ran out of retries, and where it is stored. */
export async function newFailedOrder(): Promise<FailedOrder> {
  const storage = await newStorage();
  const broken = await startService('confirm-payment', { SIMULATED_FAILURE_RATE: '1' });
  const offers = await startService('offers', {
    ...storage,
    CONFIRM_PAYMENT_URL: broken.url,
    RETRY_ATTEMPTS: '2',
    RETRY_BASE_MS: '50',
  });
  const response = await postCheckout(offers.url, { user_id: 'cristina', loan_id: 'offer2' });
  const { id } = (await response.json()) as OrderBody;
  await untilFinal(offers.url, [id]);
  offers.kill('SIGTERM');
  await offers.exit;
  await broken.close();
  return { storage, id };
}
