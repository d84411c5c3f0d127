// Exact arithmetic of templates: "a*(b+2)/4" over integers, for what a problem asks and how its numbers
// depend on each other. A division that leaves a remainder is a mistake in a template.

/** Values by name. */
export type Values = Readonly<Record<string, number>>;

/**
 * The value of an expression of integers, names, `+ - * /` and parentheses.
 *
 * @throws {SyntaxError} if it cannot be read.
 * @throws {RangeError} for an unknown name or a quotient that is not an integer.
 */
export function evaluate(expression: string, values: Values): number {
  const tokens = expression.match(/\d+|[A-Za-z]\w*|[-+*/()]|\S/g) ?? [];
  let at = 0;
  const sum = (): number => {
    let value = product();
    while (tokens[at] === "+" || tokens[at] === "-") {
      value = tokens[at++] === "+" ? value + product() : value - product();
    }
    return value;
  };
  const product = (): number => {
    let value = factor();
    while (tokens[at] === "*" || tokens[at] === "/") {
      value = tokens[at++] === "*" ? value * factor() : divide(value, factor());
    }
    return value;
  };
  const divide = (a: number, b: number) => {
    if (b !== 0 && Number.isInteger(a / b)) return a / b;
    throw new RangeError(`Cannot evaluate "${expression}": ${a} / ${b} is no integer`);
  };
  const factor = (): number => {
    const token = tokens[at++];
    if (token === "(") {
      const value = sum();
      if (tokens[at++] !== ")") throw new SyntaxError(`Cannot read "${expression}": expected ")"`);
      return value;
    }
    if (token !== undefined && /^\d/.test(token)) return Number(token);
    const value = token === undefined ? undefined : values[token];
    if (value === undefined) {
      throw new RangeError(`Cannot evaluate "${expression}": no value for "${token ?? ""}"`);
    }
    return value;
  };
  const value = sum();
  if (at !== tokens.length) {
    throw new SyntaxError(`Cannot read "${expression}": unexpected "${tokens[at]}"`);
  }
  return value;
}

/** The expression with its names replaced by their values. */
export function substitute(expression: string, values: Values): string {
  return expression.replace(/[A-Za-z]\w*/g, (name) => String(values[name]));
}
