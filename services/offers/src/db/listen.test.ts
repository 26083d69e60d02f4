import { recordingLogger, startTcpServer } from '@loan-buddy/kit/testing';
import { createPostgresListen } from './listen';

describe('createPostgresListen', () => {
  it('stops while it is still connecting', async () => {
    const server = await startTcpServer(() => undefined);
    const options = {
      url: `postgres://user@127.0.0.1:${String(server.port)}/db`,
      connectTimeoutMs: 60_000,
    };
    const listen = createPostgresListen(options, recordingLogger().logger);
    const stop = await listen('changes', { onNotification: jest.fn(), onGap: jest.fn() });
    await stop();
    await server.close();
  });
});
