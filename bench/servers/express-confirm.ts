/** The second hop of a bare checkout with Express. */
import express from 'express';

const app = express();
app.use(express.json());
app.post('/confirm-payment', (req, res) => {
  const { amount } = req.body as { amount: number };
  res.json({ status: amount >= 10_000 ? 'APPROVED' : 'REJECTED' });
});
// Longer than the pauses between measurements: the first hop has no retries.
app.listen(Number(process.env['PORT']), '127.0.0.1').keepAliveTimeout = 600_000;
