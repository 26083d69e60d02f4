import type { Tag } from '@loan-buddy/kit/server';

export const offersTag: Tag = {
  name: 'Offers',
  description: 'The loan offers of all providers, cheapest first.',
};
export const ordersTag: Tag = {
  name: 'Checkout and orders',
  description: 'Choose an offer, then follow the order until it is decided.',
};
export const failedOrdersTag: Tag = {
  name: 'Failed orders',
  description: 'For operators: orders without a decision after all attempts.',
};
export const webhooksTag: Tag = {
  name: 'Webhooks',
  description: 'Register a receiver that gets each decision, and see its deliveries.',
};
