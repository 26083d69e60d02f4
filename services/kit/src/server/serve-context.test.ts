import { readEnv } from '../process/env';
import { kitProblems } from '../problem/problem';
import { recordingLogger, startTcpServer } from '../../testing';
import { createExpressApp } from './express-app';
import { createLifecycle } from './lifecycle';
import { ListenError, serveContext } from './serve';
import { environment, serverVariables } from './server-variables';

/** Serves a context that notes what is called, on the port. */
function setUp(port: number) {
  const { logger } = recordingLogger();
  const calls: string[] = [];
  const note = (name: string) => () => {
    calls.push(name);
    return Promise.resolve();
  };
  const context = {
    logger,
    lifecycle: createLifecycle(),
    start: () => calls.push('start'),
    stop: note('stop'),
    close: note('close'),
  };
  const env = { HOST: '127.0.0.1', PORT: String(port), SHUTDOWN_DELAY_MS: '0' };
  const config = readEnv(environment(serverVariables({ port })), env);
  const createApp = () =>
    createExpressApp({ ...context, problems: kitProblems, endpoints: [], trustedProxies: 0 });
  return { calls, serving: serveContext(context, createApp, config) };
}

describe('serveContext', () => {
  it('starts the workers, and closes the context after it has stopped', async () => {
    const { calls, serving } = setUp(0);
    const { close } = await serving;
    expect(calls).toEqual(['start']);
    await close();
    expect(calls).toEqual(['start', 'stop', 'close']);
  });

  it('closes the context if the server cannot listen', async () => {
    const other = await startTcpServer(() => undefined);
    const { calls, serving } = setUp(other.port);
    await expect(serving).rejects.toThrow(ListenError);
    expect(calls).toEqual(['stop', 'close']);
    await other.close();
  });
});
