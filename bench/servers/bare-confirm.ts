/** The second hop of a checkout with node:http. */
import { createServer } from 'node:http';
import { readJson } from './read-json';

const server = createServer((req, res) => {
  readJson(req, ({ amount }) => {
    const body = JSON.stringify({ status: Number(amount) >= 10_000 ? 'APPROVED' : 'REJECTED' });
    const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length };
    res.writeHead(200, headers).end(body);
  });
});
// Longer than the pauses between measurements: the first hop has no retries.
server.keepAliveTimeout = 600_000;
server.listen(Number(process.env['PORT']), '127.0.0.1');
