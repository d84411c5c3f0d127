// Numbers and polynomials as the LaTeX that people write.

/** Greatest common divisor of two integers, at least 0. */
export function gcd(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : gcd(b, a % b);
}

/** a/b in lowest terms: `3`, `-\frac{2}{5}`. */
export function fraction(a: number, b: number): string {
  if (b === 0) throw new RangeError(`Cannot write ${a}/${b}: expected a denominator that is not 0`);
  const divisor = gcd(a, b);
  const [top, bottom] = [Math.abs(a) / divisor, Math.abs(b) / divisor];
  const sign = a !== 0 && (a < 0) !== (b < 0) ? "-" : "";
  return bottom === 1 ? `${sign}${top}` : `${sign}\\frac{${top}}{${bottom}}`;
}

/** √n with the largest square taken out: `4`, `2\sqrt{3}`, `\sqrt{5}`. */
export function squareRoot(n: number): string {
  let outside = 1;
  for (let k = 2; k * k <= n; k++) if (n % (k * k) === 0) outside = k;
  const inside = n / outside ** 2;
  if (inside === 1) return String(outside);
  return `${outside === 1 ? "" : outside}\\sqrt{${inside}}`;
}

/** A sum of integer multiples, zeros left out: terms([[2, "x"], [-1, ""]]) is `2x - 1`. */
export function terms(parts: readonly (readonly [coefficient: number, symbol: string])[]): string {
  const written = parts.filter(([coefficient]) => coefficient !== 0)
    .map(([coefficient, symbol], index) => {
      const size = Math.abs(coefficient);
      const body = size === 1 && symbol !== "" ? symbol : `${size}${symbol}`;
      if (index === 0) return coefficient < 0 ? `-${body}` : body;
      return coefficient < 0 ? ` - ${body}` : ` + ${body}`;
    });
  return written.length === 0 ? "0" : written.join("");
}

/** A polynomial in x, highest power first: polynomial([1, 0, -4]) is `x^2 - 4`. */
export function polynomial(coefficients: readonly number[]): string {
  const degree = coefficients.length - 1;
  return terms(coefficients.map((coefficient, index) => {
    const power = degree - index;
    return [coefficient, power === 0 ? "" : power === 1 ? "x" : `x^${power}`];
  }));
}

/** a + bi. */
export function complex(re: number, im: number): string {
  return terms([[re, ""], [im, "i"]]);
}

/** A matrix by its rows. */
export function matrix(rows: readonly (readonly number[])[]): string {
  const body = rows.map((row) => row.join(" & ")).join(" \\\\ ");
  return `\\begin{pmatrix} ${body} \\end{pmatrix}`;
}
