import { Histogram } from 'prom-client';

const sizes = new Histogram({
  name: 'loan_buddy_batch_size',
  help: 'Items that one batch wrote, by what it does.',
  labelNames: ['batch'],
  buckets: [1, 2, 4, 8, 16, 32, 64],
});

const waits = new Histogram({
  name: 'loan_buddy_batch_wait_seconds',
  help: 'Time that an item waited until its batch began.',
  labelNames: ['batch'],
  buckets: [0.0001, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
});

/** Returns what counts the batches of one kind. */
export function observeBatches(batch: string) {
  return {
    observeSize: (items: number) => {
      sizes.observe({ batch }, items);
    },
    observeWait: (seconds: number) => {
      waits.observe({ batch }, seconds);
    },
  };
}
