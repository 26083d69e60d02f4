/** The minimum with node:http: sends the same bytes as offers, from BENCH_RESPONSE. */
import { createServer } from 'node:http';
import { readRecorded } from './recorded';

const { status, headers, body } = readRecorded();
createServer((_req, res) => {
  res.writeHead(status, headers);
  res.end(body);
}).listen(Number(process.env['PORT']), '127.0.0.1');
