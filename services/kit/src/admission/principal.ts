/** Who is calling, as far as it is proved. */
export interface Principal {
  /** The subject of a verified token; undefined for a caller without one. */
  subject: string | undefined;
  hasScope: (scope: string) => boolean;
}

/** Every caller, where nobody is asked for a token: may do all there is. */
export const unrestricted: Principal = { subject: undefined, hasScope: () => true };

/** A caller without a token, where others have one: may do what is public. */
export const anonymous: Principal = { subject: undefined, hasScope: () => false };

/** Whoever a token speaks for, with what it allows. */
export function principalOf(subject: string, scopes: Iterable<string>): Principal {
  const allowed = new Set(scopes);
  return { subject, hasScope: (scope) => allowed.has(scope) };
}
