// GET /v1/models: what a run spec's `model` may name.

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { HomePaths } from "../runs/configuration.ts";

const Model = z.object({
  name: z.string(),
  shipped: z.boolean(),
  architecture: z.string().optional(),
  hidden_size: z.int().optional(),
  num_hidden_layers: z.int().optional(),
  vocab_size: z.int().optional(),
  max_position_embeddings: z.int().optional(),
  parameters: z.int().optional(),
  error: z.string().optional().openapi({ description: "Why it cannot be trained." }),
}).openapi("Model");

/** The models at hand. */
export function modelRoutes({ paths }: { paths: HomePaths }): OpenAPIHono {
  return new OpenAPIHono().openapi(
    createRoute({
      method: "get",
      path: "/v1/models",
      tags: ["models"],
      summary: "The shipped models and those in the data folder",
      responses: {
        200: {
          description: "All of them",
          content: { "application/json": { schema: z.object({ models: z.array(Model) }) } },
        },
      },
    }),
    async (c) => {
      const { describeModels } = await import("../runs/worker/describe_models.ts");
      return c.json({ models: await describeModels(paths.models) }, 200);
    },
  );
}
