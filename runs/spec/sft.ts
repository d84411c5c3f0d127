// Supervised fine-tuning: next-token loss on given examples.

import { z } from "@hono/zod-openapi";
import { Dataset } from "./dataset.ts";

/** Supervised fine-tuning. The loss counts completion tokens only, unless `completion_only_loss` is false. */
export const SftTask = z.strictObject({
  kind: z.literal("sft"),
  dataset: Dataset,
  eval_dataset: Dataset.optional().openapi({
    description: "Absent: the dataset's own held-out split, where it has one.",
  }),
  max_length: z.int().min(2).max(1 << 20).optional().openapi({
    description:
      "Tokens of a sequence. Absent: 2048, or the model's context where that is shorter.",
  }),
  packing: z.boolean().default(true).openapi({
    description: "Several examples share a sequence; they do not see each other.",
  }),
  completion_only_loss: z.boolean().default(true),
  num_epochs: z.int().min(1).max(100_000).default(1).openapi({
    description: "Passes over the data, where max_steps does not end the run earlier.",
  }),
}).openapi("SftTask");
/** Supervised fine-tuning. */
export type SftTask = z.infer<typeof SftTask>;
