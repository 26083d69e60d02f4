/** The caller of a request. */
export interface Principal {
  /** The subject of a verified token; undefined for a caller without one. */
  subject: string | undefined;
  hasScope: (scope: string) => boolean;
}

/** Every caller when authentication is off: has every scope. */
export const unrestricted: Principal = { subject: undefined, hasScope: () => true };

/** A caller without a token when authentication is on: has no scope. */
export const anonymous: Principal = { subject: undefined, hasScope: () => false };

export function principalOf(subject: string, scopes: Iterable<string>): Principal {
  const allowed = new Set(scopes);
  return { subject, hasScope: (scope) => allowed.has(scope) };
}
