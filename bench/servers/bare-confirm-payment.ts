/** The second hop of the bare pair: parses the request, compares one number, answers. */
import { createServer } from 'node:http';
import { readJson } from './read-json';
import { readRecorded } from './recorded';

const { status, headers } = readRecorded();
createServer((req, res) => {
  readJson(req, ({ amount }) => {
    res.writeHead(status, headers);
    res.end(Number(amount) >= 10_000 ? '{"status":"APPROVED"}' : '{"status":"REJECTED"}');
  });
}).listen(Number(process.env['PORT']), '127.0.0.1');
