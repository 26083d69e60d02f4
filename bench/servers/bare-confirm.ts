/** The second hop of a checkout with node:http. */
import { createServer } from 'node:http';
import { readJson } from './read-json';

createServer((req, res) => {
  readJson(req, ({ amount }) => {
    const body = JSON.stringify({ status: Number(amount) >= 10_000 ? 'APPROVED' : 'REJECTED' });
    const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
    res.writeHead(200, headers).end(body);
  });
}).listen(Number(process.env['PORT']), '127.0.0.1');
