import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileEndpoint, securityHeaders, type Page } from '@loan-buddy/kit/server';

/** Beside the sources and the build, which both read it there. */
const FOLDER = join(__dirname, '../../page');

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Lets the page load its own files and call this server, but nothing else: no inline script or style, no other host, no
 * frame, and no text that becomes markup or script.
 */
const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'"],
  ...["connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ...["require-trusted-types-for 'script'", "trusted-types 'none'"],
].join('; ');

const headersOf = (contentType: string) => [
  ...securityHeaders,
  ...['Content-Security-Policy', POLICY, 'Content-Type', contentType],
  // The browser asks each time whether a file has changed: after an upgrade, all files are of one version.
  ...['Cache-Control', 'no-cache'],
];

/** The page to compare, check out and watch. Reads its files at once, so that a missing one is found at start. */
export function webPage(): Page {
  const html = readFileSync(join(FOLDER, 'index.html'));
  const files = readdirSync(FOLDER).flatMap((name) => {
    const type = types[extname(name)];
    if (type === undefined) return [];
    const path = `/page/${name}`;
    const content = readFileSync(join(FOLDER, name));
    const about = { operationId: `get ${path}`, summary: 'A part of the page' };
    const response = { description: 'The file.' };
    return [fileEndpoint(path, about, response, () => content, headersOf(type))];
  });
  return { html: () => html, headers: headersOf('text/html; charset=utf-8'), files };
}
