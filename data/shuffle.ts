// A shuffle that depends on (seed, epoch) alone, so that a stopped run finds its place again.

/** Mixes 32 bits (the finaliser of MurmurHash3, Appleby 2011). */
function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A number in [0, 1) with 53 bits for each (seed, epoch, index). */
export function uniform(seed: number, epoch: number, index: number): number {
  const key = mix(mix(seed ^ 0x9e3779b9) + epoch);
  const high = mix(key ^ mix(2 * index));
  const low = mix(key ^ mix(2 * index + 1));
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
}

/** The numbers 0 … count − 1 in the order of one epoch (Fisher & Yates). */
export function shuffled(count: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(uniform(seed, epoch, i) * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
