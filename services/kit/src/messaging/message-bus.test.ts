import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { register } from 'prom-client';
import { describeUnless, recordingLogger, until } from '../../testing';
import { UnusableMessageError } from './cloud-events';
import { openMessageBus, type MessageBus } from './message-bus';
import type { SubscriptionPlan } from './message-bus-plan';

const withoutEmulator = process.env['TEST_PUBSUB']
  ? undefined
  : 'no Pub/Sub emulator (TEST_PUBSUB)';
const emulator = (...args: string[]) =>
  execFileSync(join(__dirname, '../../../../.ci/pubsub'), args, { encoding: 'utf8' }).trim();

const readers: SubscriptionPlan = {
  name: 'readers',
  topic: 'hellos',
  deadLetterTopic: 'dead-letters',
  maxDeliveries: 5,
};
const plan = { topics: ['hellos'], subscriptions: [readers] };

describeUnless(withoutEmulator)('a message bus on an emulator', () => {
  let host: string;
  let pid: string;
  beforeAll(async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = String((server.address() as AddressInfo).port);
    server.close();
    await once(server, 'close');
    host = `127.0.0.1:${port}`;
    pid = emulator('start', port);
  });
  afterAll(() => {
    emulator('stop', pid);
  });

  const open = (): Promise<MessageBus> =>
    openMessageBus(
      { projectId: 'test-project', emulatorHost: host, createMissing: true, plan },
      recordingLogger().logger,
    );

  it.each([
    ['after a pause', new Error('not now'), 1000],
    ['at once if that cannot help', new UnusableMessageError('never'), 0],
  ])('redelivers a message whose handler failed, %s', async (_, error, pauseMs) => {
    const bus = await open();
    const received: string[] = [];
    const at: number[] = [];
    const isRedelivered = new Promise<void>((resolve) => {
      bus.subscribe('readers', {
        maxMessages: 10,
        handle: (body) => {
          received.push(body);
          at.push(performance.now());
          if (received.length === 1) return Promise.reject(error);
          resolve();
          return Promise.resolve();
        },
      });
    });
    await bus.publish('hellos', { body: 'hello', contentType: 'text/plain', orderingKey: 'k' });
    await isRedelivered;
    await bus.close();
    expect(received).toEqual(['hello', 'hello']);
    const took = at[1]! - at[0]!;
    expect(took > 990).toBe(pauseMs > 0);
  });

  it('gives a failed message back when it closes, without waiting for the pause', async () => {
    const bus = await open();
    let fail = 0;
    bus.subscribe('readers', {
      maxMessages: 10,
      handle: () => Promise.reject(new Error(`failure ${String((fail += 1))}`)),
    });
    await bus.publish('hellos', { body: 'hello', contentType: 'text/plain', orderingKey: 'k' });
    // The third pause takes 4 s.
    await until(() => fail >= 3);
    const startedAt = performance.now();
    await bus.close();
    expect(performance.now() - startedAt).toBeLessThan(3000);
    const other = await open();
    await new Promise<void>((resolve) => {
      other.subscribe('readers', {
        maxMessages: 10,
        handle: () => {
          resolve();
          return Promise.resolve();
        },
      });
    });
    await other.close();
  });

  it('counts messages; one that fails in its last delivery is a dead letter', async () => {
    const bus = await open();
    register.resetMetrics();
    const counts = async () => {
      const text = await register.getSingleMetricAsString('loan_buddy_messages_total');
      return [...text.matchAll(/subscription="readers",outcome="(.*)"} (\d+)/g)].map(
        ([, outcome, n]) => `${outcome!} ${n!}`,
      );
    };
    bus.subscribe('readers', {
      maxMessages: 10,
      handle: (body) =>
        body === 'bad' ? Promise.reject(new UnusableMessageError('x')) : Promise.resolve(),
    });
    expect(await counts()).toEqual(['handled 0', 'redelivered 0', 'dead-letter 0']);
    for (const body of ['good', 'bad'])
      await bus.publish('hellos', { body, contentType: 'text/plain', orderingKey: 'k' });
    await until(async () => (await counts()).includes('dead-letter 1'));
    expect(await counts()).toEqual(['handled 1', 'redelivered 4', 'dead-letter 1']);
    await bus.close();
  });

  it('hands over no more messages at once than allowed', async () => {
    const bus = await open();
    const held: (() => void)[] = [];
    let inProgress = 0;
    let most = 0;
    bus.subscribe('readers', {
      maxMessages: 3,
      handle: async () => {
        inProgress += 1;
        most = Math.max(most, inProgress);
        await new Promise<void>((resolve) => held.push(resolve));
        inProgress -= 1;
      },
    });
    const message = { body: 'x', contentType: 'text/plain' };
    const keys = Array.from({ length: 20 }, (_, i) => String(i));
    await Promise.all(
      keys.map((orderingKey) => bus.publish('hellos', { ...message, orderingKey })),
    );
    for (let done = 0; done < keys.length; done++) {
      await until(() => held.length > done);
      held[done]!();
    }
    await bus.close();
    expect(most).toBe(3);
  });

  it('hands over no more messages once it closes, and acknowledges the ones in progress', async () => {
    const bus = await open();
    const message = { contentType: 'text/plain', orderingKey: 'k' };
    let release: () => void = () => undefined;
    const received: string[] = [];
    const isInProgress = new Promise<void>((resolve) => {
      bus.subscribe('readers', {
        maxMessages: 10,
        handle: (body) => {
          received.push(body);
          resolve();
          return new Promise((done) => (release = done));
        },
      });
    });
    await bus.publish('hellos', { ...message, body: 'first' });
    await isInProgress;
    let isClosed = false;
    const closing = bus.close().then(() => (isClosed = true));
    const other = await open();
    const taken: string[] = [];
    other.subscribe('readers', {
      maxMessages: 10,
      handle: (body) => {
        taken.push(body);
        return Promise.resolve();
      },
    });
    // Enough for the first subscriber to get some if it still took any.
    const bodies = Array.from({ length: 20 }, (_, i) => String(i));
    for (const body of bodies) await other.publish('hellos', { ...message, body });
    await until(() => bodies.every((body) => taken.includes(body)));
    expect(received).toEqual(['first']);
    expect(isClosed).toBe(false);
    release();
    await closing;
    // An unacknowledged message would be redelivered before this one.
    await other.publish('hellos', { ...message, body: 'last' });
    await until(() => taken.includes('last'));
    expect(taken).not.toContain('first');
    await other.close();
  });

  it('rejects if a message cannot be published, and publishes the next one of its key', async () => {
    const bus = await open();
    const message = { body: 'hello', contentType: 'text/plain', orderingKey: 'k' };
    await expect(bus.publish('nowhere', message)).rejects.toThrow();
    await bus.publish('hellos', message);
    await expect(bus.publish('nowhere', message)).rejects.toThrow();
    await bus.close();
  });

  it('refuses to start and names what is not as planned; starts once everything is', async () => {
    await (await open()).close();
    const { logger, lines } = recordingLogger();
    const start = (planned: Partial<SubscriptionPlan>, topics = ['hellos']) =>
      openMessageBus(
        {
          projectId: 'test-project',
          emulatorHost: host,
          createMissing: false,
          plan: { topics, subscriptions: [{ ...readers, ...planned }] },
        },
        logger,
      );
    await (await start({})).close();
    expect(lines).toEqual([]);
    await expect(start({ topic: 'dead-letters' })).rejects.toThrow(
      'has subscription readers of topic hellos instead of dead-letters;',
    );
    await expect(start({ deadLetterTopic: 'hellos' })).rejects.toThrow(
      'has subscription readers with dead-letter topic dead-letters instead of hellos;',
    );
    await expect(start({ name: 'dead-letters', topic: 'dead-letters' })).rejects.toThrow(
      'has subscription dead-letters without dead-letter topic dead-letters;',
    );
    await expect(start({ deadLetterTopic: 'nowhere' }, [])).rejects.toThrow('no topic nowhere');
    await (await start({ maxDeliveries: 7 })).close();
    expect(lines).toMatchObject([
      { level: 'warn', subscription: 'readers', maxDeliveries: 7, maxDeliveryAttempts: 5 },
    ]);
  });
});
