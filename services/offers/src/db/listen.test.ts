import { recordingLogger, startTcpServer } from '@loan-buddy/kit/testing';
import { createPostgresListen } from './listen';

describe('createPostgresListen', () => {
  it('stops while it is still connecting', async () => {
    const server = await startTcpServer(() => undefined);
    const connectionString = `postgres://user@127.0.0.1:${String(server.port)}/db`;
    const options = {
      config: { connectionString, connectionTimeoutMillis: 5000 },
      schema: 'public',
      sharesSessions: false,
    };
    const listen = createPostgresListen(options, recordingLogger().logger);
    const stop = await listen('changes', { onNotification: jest.fn(), onGap: jest.fn() });
    await stop();
    await server.close();
  });
});
