// A token issuer inside the cluster, with a certificate of a private CA.
import { createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apply, command, kubectl, namespace, scriptPod } from './cluster.mjs';

const host = 'issuer.issuer.svc';
const inIssuer = { namespace: 'issuer' };
const subject = 'load';

/** Returns a CA's certificate, and a key and certificate of the host that it signed. */
async function certificates() {
  const folder = mkdtempSync(join(tmpdir(), 'issuer-'));
  const file = (name) => join(folder, name);
  try {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const ca = ['-keyout', file('ca.key'), '-out', file('ca.crt')];
    const request = ['-keyout', file('tls.key'), '-out', file('tls.csr')];
    writeFileSync(file('names'), `subjectAltName=DNS:${host}`);
    await command('openssl', 'req', '-x509', ...key, ...ca, '-subj', '/CN=CA', '-days', '2');
    await command('openssl', 'req', ...key, ...request, '-subj', `/CN=${host}`);
    await command(
      ...['openssl', 'x509', '-req', '-in', file('tls.csr'), '-out', file('tls.crt')],
      ...['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAcreateserial'],
      ...['-extfile', file('names'), '-days', '2'],
    );
    const [caCert, tlsKey, tlsCert] = ['ca.crt', 'tls.key', 'tls.crt'].map((name) =>
      readFileSync(file(name), 'utf8'),
    );
    return { caCert, tlsKey, tlsCert };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns a token that is valid for two hours, and the key set that verifies it. */
function tokenAndKeys() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const kid = randomUUID();
  const key = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' };
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    iss: `https://${host}`,
    aud: 'loan-buddy',
    sub: subject,
    iat: now,
    exp: now + 7200,
  };
  const scope = 'offers:read orders:read orders:write';
  const signed = `${part({ alg: 'RS256', kid })}.${part({ ...claims, scope })}`;
  const signature = createSign('RSA-SHA256').update(signed).sign(privateKey, 'base64url');
  return { jwt: `${signed}.${signature}`, keys: JSON.stringify({ keys: [key] }) };
}

/** Stores the secret between the services: one, or two separated by a comma. */
export const setServiceSecrets = (...letters) =>
  setSecret('between-services', { secrets: letters.map((each) => each.repeat(64)).join(',') });

const setSecret = (name, stringData) =>
  apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData });

/** Starts the issuer. Returns a token of it, and the chart's values that use it. */
export async function startIssuer() {
  const { caCert, tlsKey, tlsCert } = await certificates();
  const { jwt, keys } = tokenAndKeys();
  const script = `
    const { KEY: key, CERT: cert, KEYS: keys } = process.env;
    const found = { 'Content-Type': 'application/json' };
    require('https').createServer({ key, cert }, ({ url }, response) => {
      if (url === '/keys') response.writeHead(200, found).end(keys);
      else response.writeHead(404).end();
    }).listen(8443);`;
  const labels = { app: 'issuer' };
  await kubectl('-n', 'issuer', 'delete', 'pod', 'issuer', '--ignore-not-found');
  await apply(
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'issuer' } },
    await scriptPod({
      name: 'issuer',
      script,
      env: { KEY: tlsKey, CERT: tlsCert, KEYS: keys },
      metadata: { ...inIssuer, labels },
    }),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'issuer', ...inIssuer },
      spec: { selector: labels, ports: [{ port: 8443 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'ca', namespace },
      data: { 'ca.crt': caCert },
    },
  );
  await kubectl('-n', 'issuer', 'wait', '--for=condition=Ready', 'pod/issuer', '--timeout=60s');
  await setSecret('test-token', { token: jwt });
  await setServiceSecrets('a');
  const peer = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'issuer' } } };
  return {
    token: { jwt, subject },
    values: {
      'auth.mode': 'jwt',
      'auth.issuer': `https://${host}`,
      'auth.audience': 'loan-buddy',
      'auth.jwksUrl': `https://${host}:8443/keys`,
      'auth.secretName': 'between-services',
      'auth.testToken.secretName': 'test-token',
      'caCertificates.configMapName': 'ca',
      'networkPolicy.offersTo': [{ to: [peer], ports: [{ port: 8443 }] }],
      'rateLimit.mode': 'off',
    },
    urlWithoutKeys: `https://${host}:8443/nothing`,
  };
}
