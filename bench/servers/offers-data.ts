export const offers = [
  { id: 'offer2', provider: 'ProviderB', rate: 2.9, amount: 12000 },
  { id: 'offer1', provider: 'ProviderA', rate: 3.5, amount: 10000 },
  { id: 'offer3', provider: 'ProviderC', rate: 4.1, amount: 9000 },
];

export const securityHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cache-Control': 'no-store',
};
