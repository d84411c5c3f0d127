// The form that launches a run or a sweep. It is made from the schema of run specs, and what it sends
// goes the same way as a spec that is posted.

import { OpenAPIHono, type z } from "@hono/zod-openapi";
import { type Context, Hono } from "hono";
import { type Advice, advise } from "../compute/theory/advice.ts";
import { findArchitecture } from "../compute/theory/architectures.ts";
import { parseRunSpec } from "../runs/spec/parse_spec.ts";
import { InvalidSpecError, type Problem } from "../runs/spec/problems.ts";
import { RunSpec } from "../runs/spec/run_spec.ts";
import { SweepRequest } from "../runs/spec/sweep.ts";
import { submitSweep } from "../runs/sweeps/submit_sweep.ts";
import { submitRun } from "../runs/submit_run.ts";
import { fillForm, type FormState, readForm, type Schema } from "../web/form.tsx";
import { type Check, CheckResult, LaunchPage } from "../web/launch.tsx";
import type { AppContext } from "./app.ts";
import { page } from "./pages.tsx";
import { known } from "./run_path.ts";

const SCHEMA = schemaOf("RunSpec", RunSpec);

/** What an empty form holds. */
const FIRST: Readonly<Record<string, string>> = {
  model: "noregret/tiny",
  "method.kind": "lora",
  "method[lora].r": "16",
  "task.kind": "sft",
  "task[sft].dataset": "stdlib/moby-dick",
  "task[sft].max_length": "256",
  "optimizer.learning_rate": "0.002",
  batch_size: "2",
  max_steps: "200",
  eval_steps: "50",
};

type Values = Readonly<Record<string, string>>;

/** The pages of the form. */
export function launchPages(context: AppContext): Hono {
  const { store, paths, wake } = context;
  const app = new Hono();

  const offers = async (): Promise<FormState["offers"]> => {
    const [{ describeDatasets }, { listModels }] = await Promise.all([
      import("../runs/worker/describe_datasets.ts"),
      import("../runs/worker/stored_models.ts"),
    ]);
    const { datasets, files } = await describeDatasets(paths.datasets);
    const names = [
      ...datasets.filter(({ available }) => available).map(({ name }) => name),
      ...files.map((file) => JSON.stringify({ file })),
    ];
    const models = (await listModels(paths.models)).map(({ name }) => name);
    return { model: models, "task.dataset": names, "task.eval_dataset": names };
  };

  const show = async (c: Context, values: Values, problems: readonly Problem[] = []) => {
    const state = { values, problems: byField(problems), offers: await offers() };
    const check = problems.length > 0 ? failed(problems) : checkForm(values);
    return page(
      c,
      <LaunchPage schema={SCHEMA} state={state} check={check} />,
      problems.length > 0 ? 422 : 200,
    );
  };

  app.get("/launch", async (c) => {
    const from = c.req.query("from");
    return await show(
      c,
      from === undefined ? FIRST : fillForm(known(await store.get(from), from).spec),
    );
  });

  app.post("/launch/check", async (c) => c.html(<CheckResult {...checkForm(await typed(c))} />));

  app.post("/launch", async (c) => {
    const values = await typed(c);
    try {
      const { vary, ...fields } = values;
      const spec = readForm(fields);
      if (vary?.trim()) {
        const request = SweepRequest.safeParse({ spec, grid: readVary(vary) });
        if (!request.success) throw new InvalidSpecError([varyProblem(request.error.message)]);
        const { id } = await submitSweep(request.data, context);
        wake();
        return c.redirect(`/sweeps/${id}`, 303);
      }
      const { run } = await submitRun(parseRunSpec(spec), context);
      wake();
      return c.redirect(`/runs/${run.id}`, 303);
    } catch (error) {
      if (!(error instanceof InvalidSpecError)) throw error;
      return await show(c, values, error.problems);
    }
  });
  return app;
}

async function typed(c: Context): Promise<Values> {
  const body = await c.req.parseBody();
  const entries = Object.entries(body).filter(([, value]) => typeof value === "string");
  return Object.fromEntries(entries) as Values;
}

function checkForm(values: Values): Check {
  const { vary: _, ...fields } = values;
  try {
    return adviceFor(parseRunSpec(readForm(fields)));
  } catch (error) {
    if (error instanceof InvalidSpecError) return failed(error.problems);
    throw error;
  }
}

function failed(problems: readonly Problem[]): Check {
  const text = ({ path, message }: Problem) =>
    `${path.slice(1).replaceAll("/", ".") || "the form"}: ${message}`;
  return { problems: problems.map(text), advice: undefined, note: undefined };
}

// Tokens of the run stand for its data: more than the data set holds are seen more than once.
function adviceFor(spec: RunSpec): Check {
  const architecture = findArchitecture(spec.model);
  const none = (note: string) => ({ problems: [], advice: undefined, note });
  if (!architecture) return none(`The shapes of "${spec.model}" are not built in: no advice`);
  if (spec.method.kind === "full") return none("Full fine-tuning: capacity is no limit here");
  if (spec.task.kind !== "sft") return none("Advice is for supervised fine-tuning");
  if (spec.max_steps === undefined) return none("Give max_steps to see whether the data fit");
  const { target_modules: targets, r } = spec.method;
  const length = spec.task.max_length ?? 2048;
  const advice: Advice = advise({
    architecture,
    r,
    targets: targets as Parameters<typeof advise>[0]["targets"],
    dataset: {
      examples: spec.max_steps * spec.batch_size,
      tokens_per_example: length,
      bits_per_token: 1,
    },
    batchSize: spec.batch_size,
    maxLength: length,
    dtype: spec.dtype,
  });
  return { problems: [], advice, note: "Data: the tokens of all steps, at 1 bit each." };
}

// The document's schema rather than zod's own: it has the descriptions. References are followed.
function schemaOf(name: string, type: z.ZodType): Schema {
  const app = new OpenAPIHono();
  app.openAPIRegistry.register(name, type);
  const { components } = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: name, version: "1" },
  });
  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== "object" || value === null) return value;
    const { $ref, ...rest } = value as { $ref?: string };
    const found = $ref && components!.schemas![$ref.split("/").at(-1)!];
    const own = Object.fromEntries(Object.entries(rest).map(([key, each]) => [key, resolve(each)]));
    return found ? { ...resolve(found) as object, ...own } : own;
  };
  return resolve(components!.schemas![name]) as Schema;
}

function byField(problems: readonly Problem[]): Record<string, string> {
  return Object.fromEntries(
    problems.map(({ path, message }) => [path.slice(1).replaceAll("/", "."), message]),
  );
}

function varyProblem(message: string): Problem {
  return { path: "/vary", message };
}

/** Lines like `optimizer.learning_rate: 0.001, 0.003` as axes of a grid. */
function readVary(text: string): Record<string, unknown[]> {
  const axes: Record<string, unknown[]> = {};
  for (const line of text.split("\n").map((line) => line.trim()).filter((line) => line !== "")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim();
    if (colon < 1) {
      throw new InvalidSpecError([
        varyProblem(`Expected "field: value, value" but found ${JSON.stringify(line)}`),
      ]);
    }
    try {
      axes[name] = JSON.parse(`[${line.slice(colon + 1)}]`);
    } catch {
      axes[name] = line.slice(colon + 1).split(",").map((value) => value.trim());
    }
  }
  return axes;
}
