// How far a measured share can be off.

/** z of a two-sided 95 % interval. */
const Z95 = 1.959963984540054;

/**
 * The 95 % interval of a share of which `successes` of `trials` were seen (Wilson 1927): it stays within
 * 0 and 1 and holds for few trials.
 */
export function wilsonInterval(successes: number, trials: number): [low: number, high: number] {
  const share = successes / trials, z2 = Z95 ** 2;
  const centre = (share + z2 / (2 * trials)) / (1 + z2 / trials);
  const half = Z95 / (1 + z2 / trials) *
    Math.sqrt(share * (1 - share) / trials + z2 / (4 * trials ** 2));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
