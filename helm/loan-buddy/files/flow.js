// The client's flow: lists the offers, checks out the cheapest, and waits for the decision. With authentication, checks
// that a request without a token is refused, and runs the flow only if there is a token.
const { AUTH_MODE: authMode, OFFERS_URL: base, TOKEN: token } = process.env;
const authorization = token ? { Authorization: `Bearer ${token}` } : {};

async function call(path, { headers, ...init } = {}) {
  const response = await fetch(base + path, { ...init, headers: { ...headers, ...authorization } });
  const body = await response.json();
  console.log(init.method ?? 'GET', path, response.status, JSON.stringify(body).slice(0, 200));
  if (!response.ok) throw new Error(`${path} responded ${response.status}`);
  return body;
}

async function main() {
  let user = 'helm-test';
  if (authMode === 'jwt') {
    const { status } = await fetch(`${base}/checkout`, { method: 'POST' });
    console.log('POST /checkout without a token', status);
    if (status !== 401) throw new Error('a request without a token was not refused');
    if (!token) return;
    // Only the token's subject may order.
    user = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).sub;
  }
  const [cheapest] = await call('/offers');
  if (!cheapest) throw new Error('there is no offer');
  const order = await call('/checkout', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ user_id: user, loan_id: cheapest.id }),
  });
  for (let seconds = 0; seconds < 30; seconds++) {
    const { status } = await call(`/orders/${order.id}`);
    if (status === 'APPROVED' || status === 'REJECTED') return;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Error('no decision within 30 s');
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
