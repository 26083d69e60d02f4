// Sends requests to offers from a pod until SIGTERM: each tenth is a checkout, the others list offers. A checkout that
// fails is sent again with its idempotency key until it is acknowledged. Then waits for the decisions of all orders, and
// prints the figures as one line of JSON.
const { OFFERS_URL: base, TOKEN: token, USER_ID: user, RUN: run } = process.env;
const authorization = token ? { Authorization: `Bearer ${token}` } : {};
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let stopped = false;
process.once('SIGTERM', () => (stopped = true));

const figures = { sent: 0, failed: 0, acknowledged: 0, decided: 0, errors: {} };
const orders = new Set();
let checkouts = 0;

/** Sends one request. Returns its body, or undefined if it failed. */
async function send(path, init = {}) {
  figures.sent += 1;
  try {
    const response = await fetch(base + path, {
      ...init,
      headers: { ...init.headers, ...authorization },
      signal: AbortSignal.timeout(10_000),
    });
    const body = await response.json();
    if (response.ok) return body;
    throw new Error(`${response.status} ${body.code}`);
  } catch (error) {
    const reason = error.cause?.code ?? error.cause?.message ?? error.message;
    figures.failed += 1;
    figures.errors[reason] = (figures.errors[reason] ?? 0) + 1;
    return undefined;
  }
}

async function checkOut() {
  checkouts += 1;
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': `${run}-${checkouts}` };
  const body = JSON.stringify({ user_id: user, loan_id: 'offer2' });
  for (;;) {
    const order = await send('/checkout', { method: 'POST', headers, body });
    if (order) return orders.add(order.id);
    await pause(200);
  }
}

async function work() {
  for (let turn = 0; !stopped; turn++) {
    await (turn % 10 === 0 ? checkOut() : send('/offers'));
    await pause(10);
  }
}

async function waitForDecisions() {
  const pending = new Set(orders);
  for (
    const until = Date.now() + 120_000;
    pending.size > 0 && Date.now() < until;
    await pause(500)
  ) {
    for (const id of pending) {
      const response = await fetch(`${base}/orders/${id}`, { headers: authorization }).catch(
        () => undefined,
      );
      const { status } = response?.ok ? await response.json() : {};
      if (status === 'APPROVED' || status === 'REJECTED') pending.delete(id);
    }
  }
  return orders.size - pending.size;
}

async function main() {
  await Promise.all(Array.from({ length: 5 }, work));
  const decided = await waitForDecisions();
  console.log(JSON.stringify({ ...figures, checkouts, acknowledged: orders.size, decided }));
}

void main();
