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

const ListedModel = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
});

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
          content: {
            "application/json": {
              schema: z.object({
                models: z.array(Model),
                object: z.literal("list"),
                data: z.array(ListedModel).openapi({
                  description: "The same in OpenAI's format, those that can run.",
                }),
              }),
            },
          },
        },
      },
    }),
    async (c) => {
      const { describeModels } = await import("../runs/worker/describe_models.ts");
      const models = await describeModels(paths.models);
      const data = models.filter(({ error }) => error === undefined).map(({ name }) => ({
        id: name,
        object: "model" as const,
        created: 0,
        owned_by: "noregret",
      }));
      return c.json({ models, object: "list" as const, data }, 200);
    },
  );
}
