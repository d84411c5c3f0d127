// Where examples come from.

import { z } from "@hono/zod-openapi";

const Limit = z.int().min(1).optional().openapi({ description: "Take this many rows at most." });

/** A dataset of the registry, with a split and a limit. */
export const NamedDataset = z.strictObject({
  name: z.string().min(1).max(200),
  split: z.string().min(1).max(100).optional().openapi({
    description: "Absent: `train` for training, the held-out split for evaluation.",
  }),
  limit: Limit,
}).openapi("NamedDataset");

/** A file under the `datasets/` folder. */
export const FileDataset = z.strictObject({
  file: z.string().min(1).max(400).regex(
    /^(?!\/)(?!.*(^|\/)\.\.?(\/|$))[^\0\\]+\.jsonl$/,
    "Expected a relative path inside the datasets folder that ends in .jsonl",
  ),
  limit: Limit,
}).openapi("FileDataset");

const TokenId = z.int().min(0).max(0xfffffffe);
const Label = z.union([TokenId, z.literal(-100)]);

/** Token ids and labels in the request itself: no tokeniser. A label of −100 is not counted. */
export const InlineDataset = z.strictObject({
  inline: z.strictObject({
    input_ids: z.array(z.array(TokenId).min(2)).min(1),
    labels: z.array(z.array(Label)).optional().openapi({
      description: "As long as input_ids, −100 where not counted; absent: every token counts.",
    }),
  }).superRefine(({ input_ids, labels }, context) => {
    if (labels === undefined) return;
    if (labels.length !== input_ids.length) {
      context.addIssue({
        code: "custom",
        path: ["labels"],
        message: `Expected one row for each of the ${input_ids.length} rows of input_ids ` +
          `but found ${labels.length}`,
      });
      return;
    }
    for (const [row, ids] of input_ids.entries()) {
      const found = labels[row]!.length;
      if (found !== ids.length) {
        context.addIssue({
          code: "custom",
          path: ["labels", row],
          message: `Expected ${ids.length} labels, as many as input_ids, but found ${found}`,
        });
      }
    }
    const sameLengths = labels.every((row, index) => row.length === input_ids[index]!.length);
    if (sameLengths && labels.every((row) => row.slice(1).every((label) => label === -100))) {
      context.addIssue({
        code: "custom",
        path: ["labels"],
        message: "Expected a label that counts: not -100, nor the first of its row, " +
          "which nothing comes before",
      });
    }
  }),
}).openapi("InlineDataset");

/** A dataset: its name in the registry, or one of the three objects. */
export const Dataset = z.union([
  z.string().min(1).max(200),
  NamedDataset,
  FileDataset,
  InlineDataset,
]).openapi("Dataset");
/** A dataset. */
export type Dataset = z.infer<typeof Dataset>;
