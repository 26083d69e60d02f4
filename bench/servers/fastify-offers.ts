/** Fastify with its logger on and the security headers that offers sends. */
import fastify from 'fastify';
import { offers, securityHeaders } from './offers-data';

const app = fastify({ logger: true });
app.addHook('onRequest', (_request, reply, done) => {
  reply.headers(securityHeaders);
  done();
});
app.get('/offers', () => offers);
void app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' });
