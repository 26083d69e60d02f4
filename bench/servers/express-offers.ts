/** A usual Express setup: pino-http, helmet, express.json and res.json. */
import express from 'express';
import helmet from 'helmet';
import { pinoHttp } from 'pino-http';
import { offers } from './offers-data';

const app = express();
app.use(pinoHttp());
app.use(helmet());
app.use(express.json());
app.get('/offers', (_req, res) => {
  res.json(offers);
});
app.listen(Number(process.env['PORT']), '127.0.0.1');
