import { createWebClient } from '../client/web-client';
import { startHttpServer } from '@loan-buddy/kit/testing';
import { providersSchema } from '../catalogue/providers/provider-config';
import { listBrands } from './list-brands';

const bank = { brandName: 'Red Bank', dataHolderBrandId: 'r-1', industries: ['banking'] };

/** Returns what is printed for this response of the register. */
async function printed(body: string, nameContains = '', status = 200): Promise<string> {
  const asked: unknown[] = [];
  const register = await startHttpServer((req, res) => {
    asked.push([req.url, req.headers['x-v'], req.headers['x-min-v']]);
    res.writeHead(status).end(body);
  });
  const web = createWebClient({
    userAgent: 'test/1',
    maxResponseBytes: 100_000,
    maxRedirects: 0,
    guard: undefined,
  });
  const lines: string[] = [];
  const signal = AbortSignal.timeout(2000);
  const options = { registerUrl: register.url, nameContains, signal };
  try {
    await listBrands(web, options, (line) => lines.push(line));
  } finally {
    await web.close();
    await register.close();
  }
  expect(asked).toEqual([['/cdr-register/v1/all/data-holders/brands/summary', '2', '1']]);
  return lines.join('\n');
}

describe('listBrands', () => {
  it('prints pasteable entries of all usable banks, by name', async () => {
    const data = [
      {
        ...bank,
        productBaseUri: 'https://red.example/products/',
        publicBaseUri: 'https://red.example',
      },
      { brandName: 'Blue Bank', interimId: 'b-1', publicBaseUri: 'https://blue.example' },
      { ...bank, brandName: 'Power', industries: ['energy'], publicBaseUri: 'https://x.example' },
      { ...bank, brandName: 'No base' },
      { ...bank, brandName: 'Odd base', publicBaseUri: 'javascript:1' },
      7,
    ];
    const text = await printed(JSON.stringify({ data }));
    expect(text).toBe(
      '{"type":"cdr","name":"Blue Bank","brand_id":"b-1","base_uri":"https://blue.example"},\n' +
        '{"type":"cdr","name":"Red Bank","brand_id":"r-1","base_uri":"https://red.example/products"}',
    );
    const pasted: unknown = JSON.parse(`{"providers":[${text}]}`);
    expect(providersSchema.safeParse(pasted).success).toBe(true);
    expect(await printed(JSON.stringify({ data }), 'blue')).not.toContain('Red');
  });

  it.each([
    ['<html>', 200],
    ['{"data":7}', 200],
    ['{"data":[]}', 503],
  ])('reports a register that sends %s with %d', async (body, status) => {
    await expect(printed(body, '', status)).rejects.toMatchObject({ code: 'register-unavailable' });
  });
});
