// Test data that is the same on every machine: a small counter-based generator, one stream a seed.

/** A generator of uniform numbers in [0, 1) for a seed (splitmix32). */
export function uniformStream(seed: number): () => number {
  let state = (seed * 0x9e3779b9 + 0x7f4a7c15) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** `count` normal numbers times `scale`, rounded to f32 so that host and device see the same values. */
export function normals(seed: number, count: number, scale = 1): Float32Array {
  const uniform = uniformStream(seed);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    values[i] = scale * radius * Math.cos(2 * Math.PI * uniform());
  }
  return values;
}

/** `count` whole numbers in [0, below). */
export function integers(seed: number, count: number, below: number): Uint32Array {
  const uniform = uniformStream(seed);
  return Uint32Array.from({ length: count }, () => Math.floor(uniform() * below));
}
