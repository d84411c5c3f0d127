// What a model sees of a data set, for a person: decoded examples with the loss mask, what truncation cut
// off, and how full the rows are, packed and padded.

import type { Tokenizer } from "./byte_tokenizer.ts";
import { type Example, IGNORED_TARGET } from "./example.ts";
import { packRows } from "./pack.ts";
import { type ColumnNames, type JsonRow, rowShape } from "./row_shape.ts";
import { shapeExamples } from "./rows.ts";

/** How examples are shown. */
export interface InspectOptions {
  readonly tokenizer: Tokenizer;
  readonly maxLength: number;
  readonly completionOnly: boolean;
  readonly columns?: ColumnNames | undefined;
  readonly colour: boolean;
}

/** Text of one kind: what the loss counts, or what it does not. */
export interface Span {
  readonly text: string;
  readonly counted: boolean;
}

/** Longer than any sequence: nothing is cut off. */
const WHOLE = 1 << 24;

/** A token, and whether the loss counts it. */
export interface MaskedToken {
  readonly id: number;
  readonly counted: boolean;
}

/** The tokens of an example, the last target included where it is counted. */
export function maskedTokens({ ids, targets }: Example): MaskedToken[] {
  const tokens: MaskedToken[] = [...ids].map((id, at) => ({
    id,
    // A token is counted where the position before it has it as its target.
    counted: at > 0 && targets[at - 1] !== IGNORED_TARGET,
  }));
  const last = targets.at(-1);
  if (last !== undefined && last !== IGNORED_TARGET) tokens.push({ id: last, counted: true });
  return tokens;
}

/** The tokens of an example as text, in spans that the loss counts or does not. */
export function spansOf(example: Example, tokenizer: Tokenizer): Span[] {
  const tokens = maskedTokens(example);
  const spans: Span[] = [];
  for (let at = 0; at < tokens.length;) {
    const { counted } = tokens[at]!;
    let end = at;
    while (tokens[end]?.counted === counted) end++;
    spans.push({ text: tokenizer.decode(tokens.slice(at, end).map(({ id }) => id)), counted });
    at = end;
  }
  return spans;
}

/**
 * The report on some rows: each example, then a summary.
 *
 * @param where names a row by its place among them.
 * @throws {RangeError} for a row that cannot be read.
 */
export function inspectRows(
  rows: readonly JsonRow[],
  where: (index: number) => string,
  options: InspectOptions,
): string {
  const { tokenizer, maxLength, columns, completionOnly } = options;
  const lines: string[] = [];
  const lengths: number[] = [];
  let counted = 0, truncated = 0;
  rows.forEach((row, index) => {
    const name = where(index);
    const shape = rowShape(row, name, columns);
    const rules = { tokenizer, maxLength, completionOnly };
    const examples = shapeExamples(shape, rules, name);
    const whole = shape.kind === "ids"
      ? examples
      : shapeExamples(shape, { ...rules, maxLength: WHOLE }, name);
    const all = whole.reduce((sum, { ids }) => sum + ids.length, 0);
    examples.forEach((example, part) => {
      const length = example.ids.length;
      const target = example.targets.reduce((sum, t) => sum + (t === IGNORED_TARGET ? 0 : 1), 0);
      const cut = shape.kind !== "text" && length < all;
      const notes = [
        `${length} tokens`,
        `${target} counted`,
        ...(examples.length > 1 ? [`part ${part + 1} of ${examples.length}`] : []),
        ...(cut ? [`truncated from ${all}`] : []),
      ];
      lines.push(heading(`── ${name}: ${notes.join(", ")}`, options.colour));
      lines.push(draw(spansOf(example, tokenizer), options.colour), "");
      lengths.push(length);
      counted += target;
      truncated += cut ? 1 : 0;
    });
  });
  return [...lines, ...summary(rows.length, lengths, counted, truncated, maxLength)].join("\n");
}

function summary(
  rows: number,
  lengths: readonly number[],
  counted: number,
  truncated: number,
  maxLength: number,
): string[] {
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const packed = packRows(lengths, maxLength).length;
  const share = (part: number, whole: number) =>
    `${whole === 0 ? 0 : Math.round(100 * part / whole)} %`;
  return [
    `${rows} rows, ${lengths.length} examples, ${truncated} truncated to ${maxLength} tokens`,
    `${tokens} tokens, ${counted} counted (${share(counted, tokens)})`,
    `packed: ${packed} sequences of ${maxLength}, ${share(tokens, packed * maxLength)} full; ` +
    `padded: ${lengths.length}, ${share(tokens, lengths.length * maxLength)} full`,
  ];
}

const GREEN = "\x1b[32m", DIM = "\x1b[2m", BOLD = "\x1b[1m", RESET = "\x1b[0m";

function heading(text: string, colour: boolean): string {
  return colour ? `${BOLD}${text}${RESET}` : text;
}

// Without colour, what counts stands between marks that no text has by chance.
function draw(spans: readonly Span[], colour: boolean): string {
  return spans.map(({ text, counted }) => {
    const shown = visible(text);
    if (colour) return `${counted ? GREEN : DIM}${shown}${RESET}`;
    return counted ? `⟦${shown}⟧` : shown;
  }).join("");
}

/** Control characters as their pictures: a terminal would obey them. */
function visible(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex -- they are what is looked for.
    /[\x00-\x08\x0b-\x1f\x7f]/g,
    (character) =>
      character === "\x7f" ? "␡" : String.fromCharCode(0x2400 + character.charCodeAt(0)),
  );
}
