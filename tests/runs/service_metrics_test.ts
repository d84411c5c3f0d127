// What Prometheus reads, read by a parser that is not ours.

import assert from "@std/assert";
import parse from "parse-prometheus-text-format";
import { ServiceMetrics } from "../../runs/service_metrics.ts";
import { openRuns } from "../../runs/open_runs.ts";
import { parseRunSpec } from "../../runs/spec/parse_spec.ts";
import { submitRun } from "../../runs/submit_run.ts";
import { makeTinyHome, tinySpec } from "./tiny_home.ts";

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly metrics: readonly {
    readonly labels?: Readonly<Record<string, string>>;
    readonly value?: string;
    readonly count?: string;
    readonly sum?: string;
    readonly buckets?: Readonly<Record<string, string>>;
  }[];
}

Deno.test("the metrics follow Prometheus' conventions, and a state that no run is in counts 0", async () => {
  await using tiny = await makeTinyHome();
  const where = { home: tiny.home, databaseUrl: undefined, lease: 15_000 };
  await using runs = await openRuns(where);
  const metrics = new ServiceMetrics(runs.store, runs.workers);
  const read = async () => {
    const families: Family[] = parse(await metrics.text());
    return new Map(families.map((one) => [one.name, one]));
  };
  const byStatus = async () =>
    Object.fromEntries(
      (await read()).get("noregret_runs")!.metrics.map((
        { labels, value },
      ) => [labels!.status, Number(value)]),
    );
  const none = { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
  assert.deepEqual(await byStatus(), none);
  const { run } = await submitRun(parseRunSpec(tinySpec()), { ...runs, ...tiny });
  assert.deepEqual(await byStatus(), { ...none, queued: 1 });
  await runs.store.requestCancel(run.id);
  assert.deepEqual(await byStatus(), { ...none, cancelled: 1 });

  metrics.answered("GET", "/v1/runs/:id", 200, 0.003);
  metrics.worked(run.id, { steps: 2, seconds: 0.1, tokens: 64, deviceBytes: 4096 });
  const families = await read();
  assert(families.size >= 10, [...families.keys()].join());
  for (const { name, type, help } of families.values()) {
    assert.match(name, /^noregret(_[a-z]+)+$/);
    assert(help.length > 10 && !help.endsWith("."), help);
    assert.equal(name.endsWith("_total"), type === "COUNTER", name);
    // Base units only.
    assert.doesNotMatch(name, /_(ms|milliseconds|minutes|kb|kib|mb|mib|gb|gib|percent)(_|$)/);
  }
  const steps = families.get("noregret_step_seconds")!.metrics[0]!;
  assert.deepEqual([steps.count, steps.sum], ["2", "0.1"]);
  assert.deepEqual([steps.buckets!["0.03"], steps.buckets!["0.1"]], ["0", "2"]);
  assert.equal(steps.buckets!["+Inf"], steps.count);
});
