import { StartError } from '@loan-buddy/kit/process';
import type { WebClient } from '../client/web-client';
import { z } from 'zod';

/** From the register of the Consumer Data Right. */
const PATH = '/cdr-register/v1/all/data-holders/brands/summary';
const VERSIONS = { 'x-v': '2', 'x-min-v': '1' };

// Version 2 has the product API's base URL; earlier versions have one for all public APIs.
const brandSchema = z
  .object({
    brandName: z.string().trim().min(1).max(128),
    dataHolderBrandId: z.string().optional(),
    interimId: z.string().optional(),
    productBaseUri: z.url({ protocol: /^https?$/ }).optional(),
    publicBaseUri: z.url({ protocol: /^https?$/ }).optional(),
    industries: z.array(z.string()).optional(),
  })
  .transform((brand) => ({
    name: brand.brandName,
    brandId: brand.dataHolderBrandId ?? brand.interimId,
    baseUri: (brand.productBaseUri ?? brand.publicBaseUri)?.replace(/\/+$/, ''),
    isBank: brand.industries?.includes('banking') ?? true,
  }));

const registerSchema = z.object({ data: z.array(z.unknown()) });

class RegisterError extends StartError {
  readonly code = 'register-unavailable';
}

/** Prints `PROVIDERS_FILE` entries for all banks in the register whose name contains the text, sorted by name. */
export async function listBrands(
  web: WebClient,
  options: { registerUrl: string; nameContains: string; signal: AbortSignal },
  print: (line: string) => void,
): Promise<void> {
  const text = options.nameContains.toLowerCase();
  const entries = (await readBrands(web, options.registerUrl + PATH, options.signal))
    .filter(({ name }) => name.toLowerCase().includes(text))
    .sort((a, b) => a.name.localeCompare(b.name, 'en'))
    .map(({ name, brandId, baseUri }) =>
      JSON.stringify({ type: 'cdr', name, brand_id: brandId, base_uri: baseUri }),
    );
  print(entries.join(',\n'));
}

async function readBrands(web: WebClient, url: string, signal: AbortSignal) {
  let body: unknown;
  try {
    const response = await web.get(url, { headers: VERSIONS, signal });
    if (response.status !== 200) throw new Error(`HTTP ${String(response.status)}`);
    body = JSON.parse(response.body);
  } catch (error) {
    const { message } = error as Error;
    throw new RegisterError(`${url} cannot be read: ${message}`, { cause: error });
  }
  const register = registerSchema.safeParse(body);
  if (!register.success) throw new RegisterError(`${url} returned no list of brands`);
  return register.data.data.flatMap((each) => {
    const { data: brand } = brandSchema.safeParse(each);
    return brand?.isBank && brand.brandId && brand.baseUri ? brand : [];
  });
}
