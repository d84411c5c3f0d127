// Learning rates in words.

/** A learning rate in few characters: "1.6e-3". */
export function rateText(rate: number): string {
  return rate.toExponential(1).replace(".0e", "e");
}
