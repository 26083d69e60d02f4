import { recordingLogger } from '../../testing';
import { verifyPlan, type MetadataSource } from './message-bus-plan';

const failure = (code: number) =>
  Object.assign(new Error(`status ${String(code)}`), { code, details: 'not shown' });
const notFound = failure(5);
const permissionDenied = failure(7);

const plan = {
  topics: ['hellos'],
  subscriptions: [
    { name: 'readers', topic: 'hellos', deadLetterTopic: 'dead-letters', maxDeliveries: 5 },
  ],
};
const asPlanned = {
  topic: 'projects/p/topics/hellos',
  deadLetterPolicy: {
    deadLetterTopic: 'projects/p/topics/dead-letters',
    maxDeliveryAttempts: 5,
  },
};

/** A project with the given topics and subscriptions. All others are as planned. */
function projectWith(things: Record<string, object>): MetadataSource {
  const check = (what: string) => ({
    getMetadata: (): Promise<[object]> => {
      const thing = things[what] ?? asPlanned;
      return thing instanceof Error ? Promise.reject(thing) : Promise.resolve([thing]);
    },
  });
  return {
    projectId: 'p',
    topic: (name) => check(`topic ${name}`),
    subscription: (name) => check(`subscription ${name}`),
  };
}

async function startWith(things: Record<string, object>) {
  const { logger, lines } = recordingLogger();
  const outcome = await verifyPlan(projectWith(things), plan, logger).then(
    () => 'starts',
    (error: unknown) => error,
  );
  return { outcome, lines };
}

describe('verifyPlan', () => {
  it('accepts what is as planned, without a warning', async () => {
    expect(await startWith({})).toEqual({ outcome: 'starts', lines: [] });
  });

  it('accepts a project by its number, too', async () => {
    const numbered = {
      topic: 'projects/123/topics/hellos',
      deadLetterPolicy: {
        deadLetterTopic: 'projects/123/topics/dead-letters',
        maxDeliveryAttempts: 5,
      },
    };
    const { outcome } = await startWith({ 'subscription readers': numbered });
    expect(outcome).toBe('starts');
  });

  it.each<[string, Record<string, object>]>([
    ['no topic hellos', { 'topic hellos': notFound }],
    ['no topic dead-letters', { 'topic dead-letters': notFound }],
    ['no subscription readers', { 'subscription readers': notFound }],
    [
      'subscription readers of topic others instead of hellos',
      { 'subscription readers': { ...asPlanned, topic: 'projects/p/topics/others' } },
    ],
    [
      'subscription readers of topic _deleted-topic_ instead of hellos',
      { 'subscription readers': { ...asPlanned, topic: '_deleted-topic_' } },
    ],
    [
      'subscription readers of topic projects/q/topics/hellos instead of hellos',
      { 'subscription readers': { ...asPlanned, topic: 'projects/q/topics/hellos' } },
    ],
    [
      'subscription readers without dead-letter topic dead-letters',
      { 'subscription readers': { ...asPlanned, deadLetterPolicy: null } },
    ],
    [
      'subscription readers with dead-letter topic others instead of dead-letters',
      {
        'subscription readers': {
          ...asPlanned,
          deadLetterPolicy: {
            deadLetterTopic: 'projects/p/topics/others',
            maxDeliveryAttempts: 5,
          },
        },
      },
    ],
    [
      'no topic dead-letters, no topic hellos, subscription readers without dead-letter topic dead-letters',
      {
        'topic hellos': notFound,
        'topic dead-letters': notFound,
        'subscription readers': { topic: asPlanned.topic },
      },
    ],
  ])('refuses to start with %s', async (fault, things) => {
    const { outcome } = await startWith(things);
    expect(outcome).toMatchObject({
      code: 'message-bus-start-failed',
      message: `Pub/Sub project p has ${fault}; create them with terraform/`,
    });
  });

  it('warns about what it cannot check, and starts', async () => {
    const { outcome, lines } = await startWith({
      'topic hellos': permissionDenied,
      'subscription readers': permissionDenied,
    });
    expect(outcome).toBe('starts');
    expect(lines).toMatchObject([
      { level: 'warn', unchecked: ['topic hellos', 'subscription readers'], err: { code: 7 } },
    ]);
  });

  it('names what is missing, in addition to what it cannot check', async () => {
    const { outcome, lines } = await startWith({
      'topic hellos': permissionDenied,
      'subscription readers': notFound,
    });
    expect(outcome).toMatchObject({ code: 'message-bus-start-failed' });
    expect(lines).toMatchObject([{ unchecked: ['topic hellos'] }]);
  });

  it('only warns about a different number of deliveries', async () => {
    const deadLetterPolicy = { ...asPlanned.deadLetterPolicy, maxDeliveryAttempts: 20 };
    const { outcome, lines } = await startWith({
      'subscription readers': { ...asPlanned, deadLetterPolicy },
    });
    expect(outcome).toBe('starts');
    expect(lines).toMatchObject([
      { level: 'warn', subscription: 'readers', maxDeliveries: 5, maxDeliveryAttempts: 20 },
    ]);
  });
});
