/** The least that can be done with node:http: the bytes that offers sends, ready made. BENCH_RESPONSE holds them. */
import { createServer } from 'node:http';
import { readRecorded } from './recorded';

const { status, headers, body } = readRecorded();
createServer((_req, res) => {
  res.writeHead(status, headers);
  res.end(body);
}).listen(Number(process.env['PORT']), '127.0.0.1');
