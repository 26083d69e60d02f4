/** Computes a value once per object, and caches it for the object's lifetime. */
export function memoize<From extends object, To>(make: (from: From) => To): (from: From) => To {
  const made = new WeakMap<From, To>();
  return (from) => {
    let to = made.get(from);
    if (to === undefined) {
      to = make(from);
      made.set(from, to);
    }
    return to;
  };
}
