/** Computes something from an object once, and keeps the result for as long as the object lives. */
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
