// /v1/figures: the paper's figures, run on request. The drawing is in experiments/.

import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { FigureProgress, FigureRequest } from "../runs/spec/figure_request.ts";
import type { AppContext } from "./app.ts";
import { figureModules } from "./figure_modules.ts";
import { problemResponse, validation } from "./problem.ts";

const KEY = String.raw`(\d{1,2}|capacity)`;
const key = z.string().regex(new RegExp(`^${KEY}$`), "Expected a figure's number, or `capacity`");

const post = createRoute({
  method: "post",
  path: "/v1/figures/{n}",
  tags: ["figures"],
  summary: "Queue the runs of a figure that are not done yet",
  request: {
    params: z.object({ n: key }),
    body: { content: { "application/json": { schema: FigureRequest } } },
  },
  responses: {
    202: {
      description: "Its runs, those that were done before included",
      content: { "application/json": { schema: FigureProgress } },
    },
    404: problemResponse("No such figure"),
    422: problemResponse("An option is invalid, or names what is not there"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/figures/{file}",
  tags: ["figures"],
  summary: "A figure's data (`1`), or the figure as `1.svg`, `1.png` or `1.csv`",
  description: "While its runs go on, what there is of it so far: see `progress`.",
  request: {
    params: z.object({
      file: z.string().regex(
        new RegExp(String.raw`^${KEY}(\.(svg|png|csv))?$`),
        "Expected N, N.svg, N.png or N.csv, where N is a figure's number or `capacity`",
      ),
    }),
  },
  responses: {
    200: {
      description: "The figure",
      content: {
        "application/json": {
          schema: z.looseObject({
            figure: z.string(),
            title: z.string(),
            progress: FigureProgress,
          }),
        },
        "image/svg+xml": { schema: z.string() },
        "image/png": { schema: z.string().openapi({ format: "binary" }) },
        "text/csv": { schema: z.string() },
      },
    },
    404: problemResponse("No such figure, or it was never asked for"),
  },
});

const spec = createRoute({
  method: "get",
  path: "/v1/figures/{n}/spec",
  tags: ["figures"],
  summary: "The Vega-Lite specification of a figure, data included",
  request: { params: z.object({ n: key }) },
  responses: {
    200: {
      description: "Vega-Lite",
      content: { "application/json": { schema: z.looseObject({}) } },
    },
    404: problemResponse("No such figure, or it was never asked for"),
  },
});

/** The figures. */
export function figureRoutes(context: AppContext): OpenAPIHono {
  const app = new OpenAPIHono(validation(FigureRequest));
  app.openapi(post, async (c) => {
    const { n } = c.req.valid("param");
    const { figure, requestFigure } = await load(n);
    const request = FigureRequest.parse(c.req.valid("json") ?? {});
    const progress = await requestFigure(figure, request, context);
    context.wake();
    c.header("Location", `/v1/figures/${n}`);
    return c.json(progress, 202);
  });
  app.openapi(get, async (c) => {
    const [n, extension] = c.req.valid("param").file.split(".") as [string, string?];
    const { figure, read, drawFigure, FIGURE_FORMATS } = await load(n);
    const data = await read(context);
    if (extension === undefined) return c.json(data, 200);
    const format = extension as keyof typeof FIGURE_FORMATS;
    c.header("Content-Type", FIGURE_FORMATS[format].type);
    return c.body(await drawFigure(figure, data, format) as string, 200);
  });
  app.openapi(spec, async (c) => {
    const { figure, read } = await load(c.req.valid("param").n);
    return c.json(figure.plot((await read(context)).rows), 200);
  });
  return app;
}

async function load(n: string) {
  const { FIGURES, findFigure, ...served } = await figureModules();
  const figure = findFigure(n);
  if (!figure) {
    const known = Object.keys(FIGURES).join(", ");
    throw new HTTPException(404, { message: `There is no figure ${n}: expected one of ${known}` });
  }
  const read = async (context: AppContext) => {
    const data = await served.readFigure(figure, context);
    if (data) return data;
    throw new HTTPException(404, {
      message: `Figure ${n} has not been drawn: POST /v1/figures/${n} first`,
    });
  };
  return { ...served, figure, read };
}
