// Seeds for requests that bring none.

/** A seed that nobody has chosen. */
export function freshSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
