import { readConfig } from './config';

describe('readConfig', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toMatchObject({
      PORT: 8000,
      APPROVAL_THRESHOLD: 10_000,
      SIMULATED_LATENCY_MS: 0,
      SIMULATED_FAILURE_RATE: 0,
    });
  });

  it('reads each variable under its own name', () => {
    const env = {
      PORT: '1',
      APPROVAL_THRESHOLD: '2',
      SIMULATED_LATENCY_MS: '3',
      SIMULATED_FAILURE_RATE: '0.4',
    };
    expect(readConfig(env)).toMatchObject({
      PORT: 1,
      APPROVAL_THRESHOLD: 2,
      SIMULATED_LATENCY_MS: 3,
      SIMULATED_FAILURE_RATE: 0.4,
    });
  });
});
