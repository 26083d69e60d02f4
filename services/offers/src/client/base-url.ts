import { z } from 'zod';

/**
 * An http or https URL. Drops trailing slashes, so that paths can be appended. Refuses user information, a query and a
 * fragment: none of them belongs in a base URL. A pattern tells an `@` in the host from one in the path, as written.
 */
export const baseUrlSchema = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL', abort: true })
  .regex(
    /^[A-Za-z]+:\/\/[^\s/?#@\\]+(?:\/[^?#]*)?$/,
    'must have no user information, query or fragment',
  )
  .transform((url) => url.replace(/\/+$/, ''));
