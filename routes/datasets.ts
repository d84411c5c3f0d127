// GET /v1/datasets: what a run spec's `dataset` may name.

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { HomePaths } from "../runs/configuration.ts";

const DatasetInfo = z.object({
  name: z.string(),
  description: z.string(),
  licence: z.string(),
  schema: z.enum(["text", "messages", "problem"]),
  columns: z.record(z.string(), z.string()).optional().openapi({
    description: "Its own names of the columns that a row is read for: ours → its.",
  }),
  splits: z.record(
    z.string(),
    z.object({
      rows: z.int(),
      tokens: z.int().openapi({ description: "Exact for those that ship, else an estimate." }),
      bits: z.number().openapi({ description: "What there is to learn, at 1 bit a token." }),
    }),
  ),
  download_bytes: z.int().optional().openapi({ description: "Of its files on the hub." }),
  available: z.boolean().openapi({
    description: "Whether its rows are here; others are downloaded by the run that names them.",
  }),
}).openapi("DatasetInfo");

/** The datasets of the registry and the files of the data folder. */
export function datasetRoutes({ paths }: { paths: HomePaths }): OpenAPIHono {
  return new OpenAPIHono().openapi(
    createRoute({
      method: "get",
      path: "/v1/datasets",
      tags: ["datasets"],
      summary: "The registry's datasets, and the files in the datasets folder",
      responses: {
        200: {
          description: "All of them",
          content: {
            "application/json": {
              schema: z.object({ datasets: z.array(DatasetInfo), files: z.array(z.string()) }),
            },
          },
        },
      },
    }),
    async (c) => {
      const { describeDatasets } = await import("../runs/worker/describe_datasets.ts");
      return c.json(await describeDatasets(paths.datasets), 200);
    },
  );
}
