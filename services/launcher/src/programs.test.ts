import { readConfig } from './config';
import { hint, programs } from './programs';

const setUp = (env: NodeJS.ProcessEnv, dev = false) =>
  programs({ root: '/root', config: readConfig(env), env, dev });

describe('programs', () => {
  it('gives each service its port, and offers the address of confirm-payment', () => {
    const [confirmPayment, offers] = setUp({
      OFFERS_PORT: '1',
      CONFIRM_PAYMENT_PORT: '2',
      PORT: '3',
      LOG_LEVEL: 'warn',
    });
    expect(confirmPayment).toMatchObject({
      name: 'confirm-payment',
      readyUrl: 'http://localhost:2/readyz',
      env: { PORT: '2', LOG_LEVEL: 'warn' },
    });
    expect(offers).toMatchObject({
      name: 'offers',
      env: { PORT: '1', CONFIRM_PAYMENT_URL: 'http://localhost:2' },
    });
  });

  it.each([
    ['http://elsewhere', 'http://elsewhere'],
    ['', 'http://localhost:9'],
  ])('given CONFIRM_PAYMENT_URL=%s, offers asks %s', (given, asked) => {
    const [, offers] = setUp({ CONFIRM_PAYMENT_URL: given, CONFIRM_PAYMENT_PORT: '9' });
    expect(offers!.env['CONFIRM_PAYMENT_URL']).toBe(asked);
  });

  it('runs what is built, or in development watches the sources', () => {
    expect(setUp({})[1]!.args).toEqual(['/root/services/offers/dist/main.js']);
    expect(setUp({}, true)[1]!.args).toEqual(
      expect.arrayContaining(['--watch', '/root/services/offers/src/main.ts']),
    );
  });
});

describe('hint', () => {
  it('names the port in use', () => {
    expect(hint(readConfig({ OFFERS_PORT: '9' }), {})).toContain(
      'curl -X GET http://localhost:9/offers',
    );
  });
});
