import type { IncomingMessage, ServerResponse } from 'node:http';
import { startHttpServer, type LocalServer } from '@loan-buddy/kit/testing';

/** A product as on a bank's detail page; defaults follow the standard. */
export function aProduct(overrides: Record<string, unknown> = {}) {
  return {
    productId: 'personal-loan',
    lastUpdated: '2026-01-05T09:00:00+10:00',
    productCategory: 'PERS_LOANS',
    name: 'Everyday Personal Loan',
    description: 'For whatever comes up.',
    brand: 'HB',
    isTailored: false,
    applicationUri: 'https://bank.example/apply',
    additionalInformation: { overviewUri: 'https://bank.example/loans' },
    constraints: [
      { constraintType: 'MIN_LIMIT', additionalValue: '5000.00' },
      { constraintType: 'MAX_LIMIT', additionalValue: '50000.00' },
    ],
    eligibility: [{ eligibilityType: 'NATURAL_PERSON' }],
    fees: [],
    lendingRates: [aRate()],
    ...overrides,
  };
}

export function aRate(overrides: Record<string, unknown> = {}) {
  return { lendingRateType: 'VARIABLE', rate: '0.0899', comparisonRate: '0.0951', ...overrides };
}

export interface DataHolder extends LocalServer {
  /** All requests so far: path with query, and requested versions. */
  requests: { path: string; version: string; minVersion: string | undefined }[];
  /** Maximum number of concurrent requests. */
  mostAtOnce: () => number;
}

type Product = Record<string, unknown>;

/** Starts a data holder on 127.0.0.1 with the standard's product API, after what `misbehave` does. */
export async function startDataHolder(options: {
  products: readonly Product[];
  /** Lowest and highest version of lists and of details. */
  versions?: { list: readonly [number, number]; detail: readonly [number, number] };
  pageSize?: number;
  /** Overrides the link to the next page. */
  nextLink?: (page: number, base: string) => string | null | undefined;
  /** Sends its own response and returns true, or leaves the request to the holder. */
  misbehave?: (path: string, res: ServerResponse, seen: number) => boolean | Promise<boolean>;
}): Promise<DataHolder> {
  const { products, misbehave, nextLink } = options;
  const versions = options.versions ?? { list: [3, 5], detail: [4, 7] };
  const requests: DataHolder['requests'] = [];
  let open = 0;
  let most = 0;

  const server = await startHttpServer((req, res) => {
    open += 1;
    most = Math.max(most, open);
    res.on('close', () => {
      open -= 1;
    });
    void respond(req, res);
  });
  const base = `${server.url}/cds-au/v1`;
  return Object.assign(server, { requests, mostAtOnce: () => most });

  async function respond(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = req.url!;
    const requested = req.headers['x-v'] as string;
    const minRequested = req.headers['x-min-v'] as string | undefined;
    const seen = requests.filter((request) => request.path === path).length;
    requests.push({ path, version: requested, minVersion: minRequested });
    if (await misbehave?.(path, res, seen)) return;

    const url = new URL(path, server.url);
    const id = /^\/cds-au\/v1\/banking\/products\/([^/]+)$/.exec(url.pathname)?.[1];
    const [lowest, highest] = id === undefined ? versions.list : versions.detail;
    const max = Number(requested);
    const min =
      minRequested !== undefined && Number(minRequested) < max ? Number(minRequested) : max;
    const version = Math.min(max, highest);
    if (version < Math.max(min, lowest)) {
      fail(res, 406, 'Header/UnsupportedVersion');
      return;
    }
    res.setHeader('x-v', String(version));
    if (id !== undefined) {
      const product = products.find(({ productId }) => productId === decodeURIComponent(id));
      if (product) send(res, { data: product, links: { self: url.href }, meta: {} });
      else fail(res, 404, 'Resource/Invalid');
    } else if (url.pathname === '/cds-au/v1/banking/products') sendPage(url, res);
    else fail(res, 404, 'Resource/NotFound');
  }

  function sendPage(url: URL, res: ServerResponse): void {
    const size = options.pageSize ?? Number(url.searchParams.get('page-size') ?? 25);
    const page = Number(url.searchParams.get('page') ?? 1);
    const shown = products.slice((page - 1) * size, page * size);
    const isLast = page * size >= products.length;
    const regular = isLast ? undefined : `${base}/banking/products?page=${String(page + 1)}`;
    const next = nextLink ? nextLink(page, base) : regular;
    send(res, {
      data: {
        products: shown.map(({ productId, productCategory, effectiveTo }) => ({
          productId,
          productCategory,
          effectiveTo,
        })),
      },
      links: { self: url.href, ...(next !== undefined && { next }) },
      meta: { totalRecords: products.length },
    });
  }
}

function send(res: ServerResponse, body: object): void {
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function fail(res: ServerResponse, status: number, code: string): void {
  const errors = [{ code: `urn:au-cds:error:cds-all:${code}`, title: code, detail: '' }];
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ errors }));
}
