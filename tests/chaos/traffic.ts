// Clients that do other things than to train while faults are let loose: they generate and evaluate with an
// adapter, take archives of runs out and in, and change their minds. Whatever is answered must be right.

import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { unpack } from "../../runs/archive/unpack.ts";
import { canonicalJson } from "../../runs/spec/spec_hash.ts";
import { Service } from "../e2e/service.ts";
import { makeTinyHome, tinyIds, tinySpec } from "../runs/tiny_home.ts";
import type { WatchedRun, World } from "./world.ts";

/** The longest pause between two requests, in milliseconds. */
const PAUSE_MS = 1500;
/** One request of so many takes a run back. */
const CANCELS = 12;

const JSON_TYPE = { "Content-Type": "application/json" };
const ARCHIVE_TYPE = { "Content-Type": "application/gzip" };

/** A question that has one answer. */
interface Question {
  readonly path: string;
  readonly body: unknown;
  readonly expected: string;
}

/** A run of another installation, in a file, and what is known of it there. */
interface Foreign {
  readonly id: string;
  readonly archive: Uint8Array<ArrayBuffer>;
  readonly known: Readonly<Record<string, string>>;
}

/** Clients at work. */
export class Traffic {
  /** How often each thing was done to its end. */
  readonly done = new Map<string, number>();
  /** What was not as it should be. */
  readonly wrong: string[] = [];

  private constructor(
    readonly world: World,
    readonly questions: readonly Question[],
    readonly foreign: readonly Foreign[],
    readonly random: () => number,
  ) {}

  /** Learns the right answers while there is peace. `run`: one that has left an adapter. */
  static async open(world: World, run: WatchedRun, random: () => number): Promise<Traffic> {
    const about = { model: "tiny", adapter: run.id, backend: "cpu", seed: 7 };
    const prompts = tinyIds(2, 5);
    const inline = { input_ids: tinyIds(4, 16) };
    const asked = [
      { path: "/v1/generate", body: { ...about, prompts, max_new_tokens: 8, logprobs: true } },
      { path: "/v1/evaluate", body: { ...about, task: { kind: "nll", dataset: { inline } } } },
    ];
    const questions = await Promise.all(
      asked.map(async (each) => ({ ...each, expected: await answer(world, each) })),
    );
    return new Traffic(world, questions, await foreignRuns(), random);
  }

  /** Keeps asking until `signal` is aborted. `runs`: those that may be taken out, or back. */
  async run(runs: readonly WatchedRun[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const kind = this.#pick(["ask", "ask", "export", "import"] as const);
      try {
        if (this.random() < 1 / CANCELS) await this.#cancel(runs);
        else if (kind === "ask") await this.#ask(this.#pick(this.questions));
        else if (kind === "export") await this.#export(runs);
        else await this.#import(this.#pick(this.foreign));
      } catch (error) {
        this.wrong.push(`${kind}: ${(error as Error).message}`);
      }
      await new Promise((resolve) => setTimeout(resolve, this.random() * PAUSE_MS));
    }
  }

  async #ask(question: Question): Promise<void> {
    const found = await answer(this.world, question);
    if (found !== question.expected) {
      this.wrong.push(`${question.path} answered ${found} where ${question.expected} was expected`);
    }
    this.#count(question.path);
  }

  async #cancel(runs: readonly WatchedRun[]): Promise<void> {
    const open = runs.filter(({ watcher, cancelledAfter }) =>
      !watcher.over && cancelledAfter === undefined
    );
    if (open.length === 0) return;
    const run = this.#pick(open);
    await this.world.ask(`/v1/runs/${run.id}/cancel`, { method: "POST" });
    run.cancelledAfter = run.watcher.events.filter(({ type }) => type === "started").length;
    this.#count("cancel");
  }

  async #export(runs: readonly WatchedRun[]): Promise<void> {
    const ended = runs.filter(({ watcher }) => watcher.last("succeeded"));
    if (ended.length === 0) return;
    const { id, spec, watcher } = this.#pick(ended);
    const bytes = await this.world.askBytes(`/v1/runs/${id}/archive`);
    let events = 0, weights = "";
    for await (const entry of unpack(new Blob([bytes]).stream())) {
      const content = await buffer(Readable.from(entry.bytes));
      if (entry.name.endsWith("/events.jsonl")) {
        events = content.toString().trim().split("\n").length;
      } else if (/\/adapter\/(adapter_)?model\.safetensors$/.test(entry.name)) {
        weights = content.toString("base64");
      }
    }
    if (events !== watcher.events.length) {
      this.wrong.push(`the archive of run ${id} has ${events} of ${watcher.events.length} events`);
    }
    if (weights !== (await this.world.reference(spec)).weights) {
      this.wrong.push(`the archive of run ${id} has other weights than an undisturbed run`);
    }
    this.#count("archive out");
  }

  async #import({ id, archive, known }: Foreign): Promise<void> {
    this.world.imported.add(id);
    const init = { method: "POST", headers: ARCHIVE_TYPE, body: archive };
    // Twice at once: a client that lost patience, or two that had one idea.
    await Promise.all([init, init].map((each) => this.world.ask("/v1/archives", each)));
    for (const [path, expected] of Object.entries(known)) {
      if (contentOf(path, await this.world.askBytes(path)) !== expected) {
        this.wrong.push(`${path} is not what was taken in`);
      }
    }
    this.#count("archive in");
  }

  #count(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.random() * from.length)]!;
  }
}

async function answer(world: World, { path, body }: Pick<Question, "path" | "body">) {
  const init = { method: "POST", headers: JSON_TYPE, body: JSON.stringify(body) };
  const { completions, result } = await world.ask(path, init);
  return canonicalJson(completions ?? result);
}

/** Runs of an installation that is gone by now. */
async function foreignRuns(): Promise<Foreign[]> {
  await using home = await makeTinyHome();
  await using service = await Service.start(home.home);
  const specs = [
    tinySpec(),
    tinySpec({ seed: 3, max_steps: 40 }),
    tinySpec({ method: { kind: "full" }, optimizer: { learning_rate: 1e-3 } }),
    tinySpec({ seed: 5 }),
  ];
  const runs: Foreign[] = [];
  for (const spec of specs) {
    const id = await service.post(spec);
    await service.events(id);
    const path = `/v1/runs/${id}`;
    const file = spec.method.kind === "full" ? "model" : "adapter_model";
    const get = async (path: string) => await (await fetch(service.url + path)).bytes();
    const known: Record<string, string> = {};
    for (const each of [path, `${path}/metrics`, `${path}/adapter/${file}.safetensors`]) {
      known[each] = contentOf(each, await get(each));
    }
    runs.push({ id, archive: await get(`${path}/archive`), known });
  }
  return runs;
}

/** What an answer says, in whatever order its keys are. */
function contentOf(path: string, bytes: Uint8Array<ArrayBuffer>): string {
  if (path.endsWith(".safetensors")) return bytes.toBase64();
  return canonicalJson(JSON.parse(new TextDecoder().decode(bytes)));
}
