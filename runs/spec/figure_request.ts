// What a client may ask of a figure; names are those of the command line.

import { z } from "@hono/zod-openapi";

/** The sizes of a figure. */
export const FIGURE_PRESETS = ["smoke", "laptop", "paper"] as const;

/** The options of a figure; absent values come from the preset. */
export const FigureRequest = z.strictObject({
  preset: z.enum(FIGURE_PRESETS).default("laptop"),
  ranks: z.array(z.int().min(1).max(512)).min(1).max(32).optional(),
  lrs: z.array(z.number().positive().max(10)).min(1).max(64).optional().openapi({
    description: "LoRA learning rates; full fine-tuning keeps its own.",
  }),
  steps: z.int().min(1).max(100_000_000).optional(),
  seed: z.int().min(0).max(0xffffff00).optional().openapi({ description: "The first seed." }),
  seeds: z.int().min(1).max(64).optional().openapi({
    description: "How many seeds, counted from the first.",
  }),
  backend: z.enum(["auto", "cpu", "webgpu"]).optional(),
}).openapi("FigureRequest");

/** How far a figure is. */
export const FigureProgress = z.object({
  status: z.enum(["running", "done", "incomplete"]).openapi({
    description: "`incomplete`: a run failed or was cancelled; post again to queue it anew.",
  }),
  total: z.int(),
  finished: z.int(),
  run_ids: z.array(z.string()),
}).openapi("FigureProgress");
/** How far a figure is. */
export type FigureProgress = z.infer<typeof FigureProgress>;
