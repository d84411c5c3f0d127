// Pages that answer a question: figures, capacity, data, device.

import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { ARCHITECTURES } from "../compute/theory/architectures.ts";
import { estimateRunTime } from "../runs/estimate_run_time.ts";
import { answerCapacity, capacityRequestSchema } from "../runs/spec/capacity.ts";
import { FIGURE_PRESETS, FigureRequest } from "../runs/spec/figure_request.ts";
import { InvalidSpecError, problemsOf } from "../runs/spec/problems.ts";
import { CapacityPage } from "../web/capacity.tsx";
import { DataPage } from "../web/data.tsx";
import { DevicePage } from "../web/device.tsx";
import { FiguresPage } from "../web/figures.tsx";
import type { AppContext } from "./app.ts";
import { figureModules } from "./figure_modules.ts";
import { page } from "./pages.tsx";

/** Examples of the data page. */
const EXAMPLES = 3;

/** What the calculator starts with. */
const QUESTION: Readonly<Record<string, string>> = {
  model: "meta-llama/Llama-3.1-8B",
  target_modules: "all",
  dtype: "bf16",
  r: "128",
  examples: "10000",
  tokens_per_example: "1000",
  bits_per_token: "1",
  max_length: "2048",
};

/** The pages. */
export function toolPages(context: AppContext): Hono {
  const { paths, workers, wake } = context;
  const app = new Hono();

  app.get("/figures", async (c) => {
    const { FIGURES, readFigure, numbersOf } = await figureModules();
    const figures = await Promise.all(
      Object.values(FIGURES).map(async (figure) => {
        const served = await readFigure(figure, context);
        return {
          key: figure.key,
          title: figure.title,
          progress: served?.progress,
          preset: served?.options.preset,
          verdicts: (served?.progress.finished ? served.verdicts : [])
            .map((verdict) => ({ ...verdict, measured: numbersOf(verdict) })),
        };
      }),
    );
    return page(c, <FiguresPage figures={figures} presets={FIGURE_PRESETS} />);
  });

  app.post("/figures/:key", async (c) => {
    const { findFigure, requestFigure } = await figureModules();
    const key = c.req.param("key");
    const figure = findFigure(key);
    if (!figure) throw new HTTPException(404, { message: `There is no figure "${key}"` });
    const asked = { preset: (await c.req.parseBody()).preset };
    const parsed = FigureRequest.safeParse(asked);
    if (!parsed.success) throw new InvalidSpecError(problemsOf(FigureRequest, asked, parsed.error));
    await requestFigure(figure, parsed.data, context);
    wake();
    return c.redirect(`/figures#fig${key}`, 303);
  });

  app.get("/capacity", async (c) => {
    const query = c.req.query();
    const values = Object.keys(query).length === 0 ? QUESTION : query;
    const question = capacityQuestion(values);
    const parsed = capacityRequestSchema.safeParse(question);
    const problems = parsed.success
      ? []
      : problemsOf(capacityRequestSchema, question, parsed.error).map(({ path, message }) =>
        `${path.slice(1)}: ${message}`
      );
    return page(
      c,
      <CapacityPage
        models={Object.keys(ARCHITECTURES)}
        values={values}
        problems={problems}
        advice={parsed.success ? answerCapacity(parsed.data) : undefined}
        runTime={parsed.success ? await estimateRunTime(parsed.data, context.store) : null}
      />,
    );
  });

  app.get("/data", async (c) => {
    const { describeDatasets } = await import("../runs/worker/describe_datasets.ts");
    const { listModels } = await import("../runs/worker/stored_models.ts");
    const { showExamples } = await import("../runs/worker/show_examples.ts");
    const { model = "noregret/tiny", dataset = "", text = "" } = c.req.query();
    const { datasets, files } = await describeDatasets(paths.datasets);
    let examples: Awaited<ReturnType<typeof showExamples>> = [];
    let problem: string | undefined;
    try {
      examples = await showExamples({ model, dataset, text, limit: EXAMPLES }, paths);
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
      problem = error.message;
    }
    return page(
      c,
      <DataPage
        models={(await listModels(paths.models)).map(({ name }) => name)}
        datasets={datasets}
        files={files}
        values={{ model, dataset, text }}
        examples={examples}
        problem={problem}
      />,
    );
  });

  app.get("/device", async (c) => {
    const { describeDevices } = await import("../runs/worker/describe_devices.ts");
    const { auto, devices } = await describeDevices();
    const { rss, heapUsed } = Deno.memoryUsage();
    const { total, available } = Deno.systemMemoryInfo();
    const memory = {
      "of this host": total,
      "free on this host": available,
      "resident, of the service": rss,
      "heap, of the service": heapUsed,
    };
    return page(
      c,
      <DevicePage
        devices={devices}
        auto={auto}
        memory={memory}
        workers={await workers.list()}
      />,
    );
  });
  return app;
}

function capacityQuestion(values: Readonly<Record<string, string>>): Record<string, unknown> {
  const number = (name: string) => values[name]?.trim() ? Number(values[name]) : undefined;
  return {
    model: values.model,
    target_modules: values.target_modules || undefined,
    dtype: values.dtype || undefined,
    r: number("r"),
    batch_size: number("batch_size"),
    max_length: number("max_length"),
    dataset: number("episodes") !== undefined
      ? {
        episodes: number("episodes"),
        samples_per_episode: number("samples_per_episode"),
        bits_per_sample: number("bits_per_sample"),
      }
      : {
        examples: number("examples"),
        tokens_per_example: number("tokens_per_example"),
        bits_per_token: number("bits_per_token"),
      },
  };
}
