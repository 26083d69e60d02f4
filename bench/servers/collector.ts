/** A collector of traces that accepts and forgets everything. */
import { createServer } from 'node:http';

createServer((req, res) => {
  req.resume().on('end', () => res.end());
}).listen(Number(process.env['PORT']), '127.0.0.1');
