/** docs/api.http has every request of both services, and each gets the status that the file states. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startHttpServer, until } from '@loan-buddy/kit/testing';
import { fillIn, parseHttpFile, type FileRequest } from './support/http-file';
import { atEnd } from './support/at-end';
import { describeOnce } from './support/postgres';
import { root, startService } from './support/service-process';

const file = parseHttpFile(readFileSync(join(root, 'docs/api.http'), 'utf8'));

async function startBoth() {
  const confirmPayment = await startService('confirm-payment');
  const offers = await startService('offers', {
    CONFIRM_PAYMENT_URL: confirmPayment.url,
    ALLOW_PRIVATE_WEBHOOKS: 'true',
  });
  return { offers: offers.url, confirmPayment: confirmPayment.url };
}

describeOnce('docs/api.http', () => {
  it('each request gets the status that the file states', async () => {
    const receiver = await startHttpServer((req, res) => {
      req.resume();
      res.writeHead(204).end();
    });
    atEnd(receiver.close);
    const variables = { ...file.variables, ...(await startBoth()), receiver: receiver.url };
    const responses: Record<string, unknown> = {};
    for (const { name, status, method, url, headers, body } of file.requests) {
      const fill = (text: string) => fillIn(text, variables, responses);
      const send = () =>
        fetch(fill(url), { method, headers, ...(body !== undefined && { body: fill(body) }) });
      let response = await send();
      // As the file says, retry after a 409: the request came too early.
      await until(async () => {
        if (response.status !== 409 || status === 409) return true;
        response = await send();
        return false;
      });
      const text = await response.text();
      expect([method, url, response.status, text]).toEqual([method, url, status, text]);
      if (name !== undefined) responses[name] = JSON.parse(text);
    }
  });

  it.each(['offers', 'confirmPayment'] as const)(
    'has every operation of the OpenAPI document of %s',
    async (service) => {
      const { [service]: url } = await startBoth();
      const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as {
        paths: Record<string, Record<string, { responses?: object }>>;
      };
      const operations = Object.entries(paths).flatMap(([path, methods]) =>
        Object.keys(methods)
          .filter((method) => methods[method]!.responses !== undefined)
          .map((method) => `${method.toUpperCase()} ${path}`),
      );
      expect(operations).not.toEqual([]);
      const requests = file.requests.filter((request) => request.url.startsWith(`{{${service}}}`));
      expect(operations.filter((operation) => !requests.some(calls(operation)))).toEqual([]);
    },
  );
});

/** Returns a test for requests that call an operation such as `GET /orders/{id}`. */
function calls(operation: string) {
  const [method, path] = operation.split(' ');
  const pattern = new RegExp(`^\\{\\{\\w+\\}\\}${path!.replace(/\{\w+\}/g, '[^/?]+')}(\\?|$)`);
  const literal = !path!.includes('{');
  return (request: FileRequest) =>
    request.method === method &&
    pattern.test(request.url) &&
    // `/failed-orders/retry` does not call `/failed-orders/{id}`.
    (literal || /\{\{\w+\.response|\/offer\d/.test(request.url));
}
