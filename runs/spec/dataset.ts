// Where examples come from.

import { z } from "@hono/zod-openapi";

const Limit = z.int().min(1).optional().openapi({ description: "Take this many rows at most." });

const Columns = z.partialRecord(
  z.enum([
    "input_ids",
    "labels",
    "messages",
    "conversations",
    "prompt",
    "completion",
    "problem",
    "solution",
    "question",
    "answer",
    "text",
  ]),
  z.string().min(1).max(200),
).optional().openapi({
  description: "Where the rows have other names for these columns: ours → theirs.",
  example: { prompt: "instruction", completion: "output" },
});

/** A dataset of the registry or of the hub, with a split and a limit. */
export const NamedDataset = z.strictObject({
  name: z.string().min(1).max(300).openapi({
    description: "Of the hub's also with `@` and a branch, tag or commit.",
  }),
  split: z.string().regex(
    /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/,
    "Expected letters, digits, `.`, `_` and `-`",
  ).optional().openapi({
    description: "Absent: `train` for training, the held-out split for evaluation.",
  }),
  limit: Limit,
  columns: Columns,
}).openapi("NamedDataset");

/** A file under the `datasets/` folder. */
export const FileDataset = z.strictObject({
  file: z.string().min(1).max(400).regex(
    /^(?!\/)(?!.*(^|\/)\.\.?(\/|$))[^\0\\]+\.(jsonl(\.gz|\.zst)?|parquet)$/,
    "Expected a relative path inside the datasets folder that ends in .jsonl, .jsonl.gz, " +
      ".jsonl.zst or .parquet",
  ),
  limit: Limit,
  columns: Columns,
  test_fraction: z.number().min(0).max(0.5).optional().openapi({
    description:
      "Holds out about this share of the rows for evaluation, by the hash of what a row " +
      "asks: equal questions are on one side. Absent: nothing is held out.",
  }),
}).openapi("FileDataset");

const integers = (minimum: number) => ({
  type: "array" as const,
  items: { type: "array" as const, items: { type: "integer" as const, minimum } },
});
const Rows = z.custom<number[][]>((value) => Array.isArray(value), "Expected an array of rows");

/** Token ids and labels in the request itself: no tokeniser. A label of −100 is not counted. */
const InlineDataset = z.strictObject({
  // Rows are checked together, below: a schema for each of a million numbers takes seconds.
  inline: z.strictObject({
    input_ids: Rows.openapi({ ...integers(0), minItems: 1 }),
    labels: Rows.optional().openapi({
      ...integers(-100),
      description: "As long as input_ids, −100 where not counted; absent: every token counts.",
    }),
  }).superRefine((inline, context) => {
    const problem = inlineProblem(inline);
    if (problem) context.addIssue({ code: "custom", ...problem });
  }),
}).openapi("InlineDataset");

interface RowsProblem {
  path: (string | number)[];
  message: string;
}

// The first problem only: a wrong tokeniser makes as many as there are tokens.
function inlineProblem(
  { input_ids, labels }: { input_ids: number[][]; labels?: number[][] | undefined },
): RowsProblem | undefined {
  const ids = rowsProblem("input_ids", input_ids, "an integer of at least 0", isId);
  if (ids) return ids;
  if (input_ids.length === 0) {
    return { path: ["input_ids"], message: "Expected at least 1 row but found 0" };
  }
  const short = input_ids.findIndex((row) => row.length < 2);
  if (short >= 0) {
    const message = `Expected at least 2 token ids but found ${input_ids[short]!.length}`;
    return { path: ["input_ids", short], message };
  }
  if (labels === undefined) return;
  const isLabel = (value: unknown) => value === -100 || isId(value);
  const wrong = rowsProblem("labels", labels, "-100 or an integer of at least 0", isLabel);
  if (wrong) return wrong;
  if (labels.length !== input_ids.length) {
    const message = `Expected one row for each of the ${input_ids.length} rows of input_ids ` +
      `but found ${labels.length}`;
    return { path: ["labels"], message };
  }
  const uneven = labels.findIndex((row, index) => row.length !== input_ids[index]!.length);
  if (uneven >= 0) {
    const message = `Expected ${input_ids[uneven]!.length} labels, as many as input_ids, ` +
      `but found ${labels[uneven]!.length}`;
    return { path: ["labels", uneven], message };
  }
  if (labels.every((row) => row.every((label, column) => column === 0 || label === -100))) {
    const message = "Expected a label that counts: not -100, nor the first of its row, " +
      "which nothing comes before";
    return { path: ["labels"], message };
  }
}

function isId(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function rowsProblem(
  name: string,
  rows: readonly unknown[],
  wanted: string,
  isWanted: (value: unknown) => boolean,
): RowsProblem | undefined {
  for (const [index, row] of rows.entries()) {
    const show = (value: unknown) => JSON.stringify(value)?.slice(0, 60);
    if (!Array.isArray(row)) {
      return { path: [name, index], message: `Expected an array but found ${show(row)}` };
    }
    const column = row.findIndex((value) => !isWanted(value));
    if (column >= 0) {
      const message = `Expected ${wanted} but found ${show(row[column])}`;
      return { path: [name, index, column], message };
    }
  }
}

/** A dataset: its name in the registry, or one of the three objects. */
export const Dataset = z.union([
  z.string().min(1).max(200),
  NamedDataset,
  FileDataset,
  InlineDataset,
]).openapi("Dataset");
/** A dataset. */
export type Dataset = z.infer<typeof Dataset>;
