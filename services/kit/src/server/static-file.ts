import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Request, Response } from 'express';
import type { HeaderList } from '../problem/header-list';
import { endpoint, type Endpoint, type EndpointResponse } from './endpoint';
import { entityTag, hasBody } from './entity-tag';
import { send, sendNotModified } from './responses';

const compress = promisify(gzip);

export type SendFile = (req: Request, res: Response) => Promise<void>;

/**
 * Returns a function that sends content that never changes, compressed if the client accepts it, or 304 if the client
 * has it. Reads, compresses and tags it once, on first use.
 */
export function createSendFile(read: () => string | Buffer, headers: HeaderList): SendFile {
  const tagged = (body: string | Buffer, more: HeaderList = []) => {
    const etag = entityTag(body);
    return { body, etag, headers: headers.concat(more, ['ETag', etag]) };
  };
  let plain: ReturnType<typeof tagged> | undefined;
  let compressed: Promise<ReturnType<typeof tagged>> | undefined;
  return async (req, res) => {
    res.vary('Accept-Encoding');
    const file =
      req.acceptsEncodings('gzip', 'identity') === 'gzip'
        ? await (compressed ??= compress(read()).then((body) =>
            tagged(body, ['Content-Encoding', 'gzip']),
          ))
        : (plain ??= tagged(read()));
    if (hasBody(req, file.etag)) sendNotModified(res, file.headers);
    else send(res, 200, file.body, file.headers);
  };
}

/** What the contract of a file says about its tag. */
export const fileHeaders = { ETag: 'Identifies the content, as encoded.' };
export const fileRequestHeaders = {
  'If-None-Match': 'The ETag of the last response: 304 if nothing has changed.',
};
export const notModified: EndpointResponse = {
  description: 'Nothing has changed.',
  headers: fileHeaders,
};

/** Serves content that never changes (see {@link createSendFile}). */
export function fileEndpoint(
  path: string,
  about: Pick<Endpoint['contract'], 'operationId' | 'summary' | 'tag'>,
  response: EndpointResponse,
  read: () => string | Buffer,
  headers: HeaderList,
): Endpoint {
  const sendFile = createSendFile(read, headers);
  return endpoint(
    {
      ...about,
      path,
      method: 'get',
      access: 'public',
      requestHeaders: fileRequestHeaders,
      responses: { 200: { ...response, headers: fileHeaders }, 304: notModified },
    },
    ({ req, res }) => sendFile(req, res),
  );
}
