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
      LOG_FORMAT: 'google',
    });
    expect(confirmPayment).toMatchObject({
      name: 'confirm-payment',
      portVariable: 'CONFIRM_PAYMENT_PORT',
      env: { HOST: '127.0.0.1', PORT: '2', LOG_LEVEL: 'warn', LOG_FORMAT: '' },
    });
    expect(offers).toMatchObject({
      name: 'offers',
      portVariable: 'OFFERS_PORT',
      env: { HOST: '127.0.0.1', PORT: '1', CONFIRM_PAYMENT_URL: 'http://127.0.0.1:2' },
    });
  });

  it.each([
    [{ CONFIRM_PAYMENT_URL: 'http://elsewhere' }, 'http://elsewhere'],
    [{ CONFIRM_PAYMENT_URL_FILE: '/a/file' }, undefined],
    [{ CONFIRM_PAYMENT_URL: '' }, 'http://127.0.0.1:9'],
    [{ HOST: '0.0.0.0' }, 'http://127.0.0.1:9'],
    [{ HOST: '::' }, 'http://[::1]:9'],
    [{ HOST: '10.1.2.3' }, 'http://10.1.2.3:9'],
  ])('given %j, offers calls %s', (given, url) => {
    const [, offers] = setUp({ ...given, CONFIRM_PAYMENT_PORT: '9' });
    expect(offers!.env['CONFIRM_PAYMENT_URL']).toBe(url);
  });

  it('passes HOST on', () => {
    expect(setUp({ HOST: '0.0.0.0' })[1]!.env['HOST']).toBe('0.0.0.0');
  });

  it('runs the build, or in development watches the sources', () => {
    expect(setUp({})[1]!.args).toEqual(['/root/services/offers/dist/main.js']);
    expect(setUp({}, true)[1]!.args).toEqual(
      expect.arrayContaining(['--watch', '/root/services/offers/src/main.ts']),
    );
  });
});

describe('hint', () => {
  it('names the address and the port in use', () => {
    expect(hint(readConfig({ OFFERS_PORT: '9' }), {})).toContain(
      'curl -X GET http://127.0.0.1:9/offers',
    );
  });
});
