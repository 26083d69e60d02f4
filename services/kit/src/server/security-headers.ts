import type { HeaderList } from '../problem/header-list';

/** The headers of every response (OWASP's list for REST services). */
export const securityHeaders: HeaderList = Object.entries({
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
}).flat();

/** For a body that is data, not a page: a browser loads nothing for it, and no page may embed it. */
export const inertHeaders: HeaderList = [
  ...securityHeaders,
  'Content-Security-Policy',
  "default-src 'none'; frame-ancestors 'none'",
];
