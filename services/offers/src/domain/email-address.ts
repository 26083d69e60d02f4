import { domainToASCII } from 'node:url';
import { z } from 'zod';

const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL_END = '[A-Za-z0-9-]{0,61}[A-Za-z0-9]';
const LOCAL_PART = String.raw`(?=[^@]{1,64}@)${ATOM}(?:\.${ATOM})*`;
const DOMAIN = String.raw`(?:[A-Za-z0-9](?:${LABEL_END})?\.)+[A-Za-z]${LABEL_END}`;

const NOT_VALID = 'must be an e-mail address';

/**
 * An e-mail address: a dot-atom (RFC 5322, section 3.2.3) at a domain of two labels or more, as letters, digits and
 * hyphens or as A-labels (RFC 5890, section 2.3.2.1), which the second check decodes. RFC 5321, section 4.5.3.1, limits
 * the lengths. The last label begins with a letter, which tells a domain from an IP address.
 */
export const emailAddressSchema = z
  .string()
  .max(254)
  .regex(new RegExp(`^${LOCAL_PART}@${DOMAIN}$`), { error: NOT_VALID, abort: true })
  .refine((text) => domainToASCII(text.slice(text.indexOf('@') + 1)) !== '', NOT_VALID)
  .meta({ format: 'email' });
