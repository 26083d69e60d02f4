/** Makes something of an object once, for as long as that object is around. */
export function remember<From extends object, To>(make: (from: From) => To): (from: From) => To {
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
