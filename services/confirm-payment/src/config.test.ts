import { readConfig } from './config';

describe('readConfig', () => {
  it('has a default for everything', () => {
    expect(readConfig({})).toMatchObject({
      PORT: 8000,
      APPROVAL_THRESHOLD: 10_000,
      SIMULATED_LATENCY_MS: 0,
      SIMULATED_FAILURE_RATE: 0,
      APPROVAL_TRANSPORT: 'http',
      PUBSUB_DEAD_LETTER_TOPIC: 'loan-buddy-dead-letters',
      PUBSUB_MAX_DELIVERIES: 10,
      PUBSUB_CHECKOUTS_TOPIC: 'loan-buddy-checkouts',
      PUBSUB_CHECKOUTS_SUBSCRIPTION: 'loan-buddy-checkouts-confirm-payment',
      PUBSUB_DECISIONS_TOPIC: 'loan-buddy-decisions',
    });
  });

  it('requires a project if orders come over Pub/Sub', () => {
    expect(() => readConfig({ APPROVAL_TRANSPORT: 'pubsub' })).toThrow(
      /PUBSUB_PROJECT_ID: must be set for APPROVAL_TRANSPORT=pubsub$/,
    );
  });

  it('reads each variable under its own name', () => {
    const words = {
      APPROVAL_TRANSPORT: 'pubsub',
      PUBSUB_PROJECT_ID: 'some-project',
      PUBSUB_EMULATOR_HOST: 'localhost:8085',
      PUBSUB_DEAD_LETTER_TOPIC: 'dead',
      PUBSUB_CHECKOUTS_TOPIC: 'checkouts',
      PUBSUB_CHECKOUTS_SUBSCRIPTION: 'submitted',
      PUBSUB_DECISIONS_TOPIC: 'decisions',
    };
    const env = {
      ...words,
      PUBSUB_MAX_DELIVERIES: '5',
      PORT: '1',
      APPROVAL_THRESHOLD: '2',
      SIMULATED_LATENCY_MS: '3',
      SIMULATED_FAILURE_RATE: '0.4',
    };
    expect(readConfig(env)).toMatchObject({
      ...words,
      PUBSUB_MAX_DELIVERIES: 5,
      PORT: 1,
      APPROVAL_THRESHOLD: 2,
      SIMULATED_LATENCY_MS: 3,
      SIMULATED_FAILURE_RATE: 0.4,
    });
  });
});
