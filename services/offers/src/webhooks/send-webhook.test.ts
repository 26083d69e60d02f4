import { createSendWebhook } from './send-webhook';
import { newSecret } from './webhook-message';

const delivery = {
  id: 'msg_0197f3a54c1b7d3e9a523f8e6b0c1d2e',
  type: 'com.loanbuddy.webhook.test',
  time: new Date(0),
  data: {},
  endpointId: 'endpoint',
  url: 'https://receiver.example/',
  isSlow: false,
  secrets: [newSecret()],
  attempts: 0,
  traceparent: null,
};

describe('createSendWebhook', () => {
  const sendFailingWith = (code: string) =>
    createSendWebhook(
      { post: () => Promise.reject(Object.assign(new Error('10.0.0.1'), { code })) },
      1000,
    )(delivery, new AbortController().signal);

  it.each([
    ['a connection timeout', 'UND_ERR_CONNECT_TIMEOUT'],
    ['a name lookup timeout', 'ETIMEOUT'],
  ])('pauses deliveries to the receiver on %s', async (_, code) => {
    expect(await sendFailingWith(code)).toEqual({
      statusCode: null,
      error: `no response (${code})`,
      overloaded: { retryAfterMs: undefined },
    });
  });

  it('does not pause deliveries if the name does not exist', async () => {
    expect(await sendFailingWith('ENOTFOUND')).toEqual({
      statusCode: null,
      error: 'no response (ENOTFOUND)',
    });
  });
});
