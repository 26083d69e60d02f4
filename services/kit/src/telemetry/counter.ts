import { Counter } from 'prom-client';

/**
 * Creates a counter with one label. Starts its usual values at 0: Prometheus' `increase` does not count the first value
 * of a series.
 *
 * @returns a function that counts one of a value
 */
export function createCounter(options: {
  name: string;
  help: string;
  label: string;
  values: readonly string[];
}): (value: string) => void {
  const { name, help, label, values } = options;
  const counter = new Counter({ name, help, labelNames: [label] });
  for (const value of values) counter.inc({ [label]: value }, 0);
  return (value) => {
    counter.inc({ [label]: value });
  };
}
