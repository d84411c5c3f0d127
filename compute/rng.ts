// Counter-based random numbers (Philox4x32-10, Salmon et al. 2011, §3.3): a value depends on (seed,
// stream, index) alone, so a run can stop and go on anywhere without any state to store.

const M0 = 0xd2511f53, M1 = 0xcd9e8d57, W0 = 0x9e3779b9, W1 = 0xbb67ae85;

/** High 32 bits of the product of two u32. */
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff, a1 = a >>> 16, b0 = b & 0xffff, b1 = b >>> 16;
  const low = a0 * b0, mid1 = a1 * b0 + (low >>> 16), mid2 = a0 * b1 + (mid1 & 0xffff);
  return (a1 * b1 + Math.floor(mid1 / 65536) + Math.floor(mid2 / 65536)) >>> 0;
}

/** Four u32 for a 128-bit counter and a 64-bit key. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(M0, c0), low0 = Math.imul(M0, c0) >>> 0;
    const high1 = multiplyHigh(M1, c2), low1 = Math.imul(M1, c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** FNV-1a of a name: the number of its stream. */
function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** `count` values from U(−bound, bound) for a named stream. */
export function uniform(seed: number, name: string, count: number, bound: number): Float32Array {
  const values = new Float32Array(count);
  const key: [number, number] = [seed >>> 0, streamOf(name)];
  for (let i = 0; i < count; i += 4) {
    const block = philox([i / 4, 0, 0, 0], key);
    for (let j = 0; j < 4 && i + j < count; j++) {
      values[i + j] = ((block[j]! + 0.5) / 2 ** 31 - 1) * bound;
    }
  }
  return values;
}

/** `count` values from N(0, std²) for a named stream (Box & Muller 1958). */
export function normal(seed: number, name: string, count: number, std: number): Float32Array {
  const values = new Float32Array(count);
  const key: [number, number] = [seed >>> 0, streamOf(name)];
  for (let i = 0; i < count; i += 2) {
    const [a, b] = philox([i / 2, 0, 1, 0], key);
    const radius = std * Math.sqrt(-2 * Math.log((a + 0.5) / 2 ** 32));
    const angle = 2 * Math.PI * (b + 0.5) / 2 ** 32;
    values[i] = radius * Math.cos(angle);
    if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}
