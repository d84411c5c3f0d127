// AdamW. Names are those of TRL and PyTorch.

import { z } from "@hono/zod-openapi";

const Beta = z.number().min(0).lt(1);

/** AdamW (Loshchilov & Hutter 2019). */
export const Optimizer = z.strictObject({
  // Any f32: a rate that is far too high is for the run to find out, not for the form.
  learning_rate: z.number().positive().max(3e38).default(3e-4),
  betas: z.tuple([Beta, Beta]).default([0.9, 0.999]),
  eps: z.number().min(0).max(1).default(1e-8),
  weight_decay: z.number().min(0).max(1).default(0),
  max_grad_norm: z.number().min(0).default(1).openapi({ description: "0 turns clipping off." }),
  lr_scheduler_type: z.enum(["constant", "linear"]).default("constant").openapi({
    description: "`linear` falls from learning_rate to 0 behind the last step.",
  }),
}).openapi("Optimizer");
/** AdamW. */
export type Optimizer = z.infer<typeof Optimizer>;
