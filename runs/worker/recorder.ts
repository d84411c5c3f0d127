// Keeps what a run's training yields: events and points in its row, checkpoints and the adapter as artifacts.

import type { Model } from "../../compute/models/model.ts";
import { stateFiles, trainedFiles } from "../../compute/train/checkpoint.ts";
import type { EndReason } from "../../compute/train/sft.ts";
import type { ArtifactStore } from "../artifacts/artifact_store.ts";
import { adapterName } from "../checkpoint_files.ts";
import type { Run } from "../spec/run.ts";
import { writeCheckpoint } from "./checkpoints.ts";
import type { JobEvent } from "./job_events.ts";
import type { Reporter } from "./reporter.ts";
import { Summary } from "./summary.ts";

/** Records one run. */
export class Recorder {
  readonly #started = performance.now();
  /** Why training ended. */
  reason: EndReason = "max_steps";

  private constructor(
    readonly run: Run,
    readonly model: Model,
    readonly reporter: Reporter,
    readonly artifacts: ArtifactStore,
    readonly summary: Summary,
    readonly commits: Readonly<Record<string, string>>,
  ) {}

  /**
   * Says what is trained, and goes on behind the points of earlier attempts.
   *
   * @param commits of what came from the hub, by name.
   */
  static async open(
    run: Run,
    model: Model,
    reporter: Reporter,
    artifacts: ArtifactStore,
    commits: Readonly<Record<string, string>>,
  ): Promise<Recorder> {
    reporter.add("model", { trainable_parameters: model.trainable.count, commits });
    const summary = new Summary(await reporter.store.points(run.id));
    return new Recorder(run, model, reporter, artifacts, summary, commits);
  }

  /** Takes what happened. */
  async take(event: JobEvent): Promise<void> {
    const { run, model, reporter, artifacts } = this;
    switch (event.type) {
      case "checkpoint": {
        const { step } = event.state;
        const files = await trainedFiles(model, run.spec.model);
        for (const [name, bytes] of stateFiles(event.state)) files.set(name, bytes);
        // Points first: a resume starts behind the checkpoint and does not make them again.
        await reporter.flush();
        const sha256 = await reporter.whenRoom(
          "write a checkpoint",
          () => writeCheckpoint(artifacts, run.id, step, files),
        );
        reporter.add("checkpoint", { step, sha256 });
        await reporter.flush({ checkpointed: true });
        break;
      }
      case "end":
        this.reason = event.reason;
        break;
      default:
        reporter.add(event.type, event.data, event.point, event.progress);
        if (event.point) this.summary.add(event.point);
    }
  }

  /** Writes the adapter and ends the run. */
  async succeed(): Promise<void> {
    const { run, model, reporter, artifacts } = this;
    await reporter.flush();
    const adapter = run.spec.method.kind === "lora" ? run.id : null;
    if (adapter) {
      const files = await trainedFiles(model, run.spec.model);
      await artifacts.tidy(adapterName(adapter));
      await reporter.whenRoom(
        "write the adapter",
        () => artifacts.put(adapterName(adapter), files),
      );
    }
    const result = {
      ...this.summary.result(),
      trainable_parameters: model.trainable.count,
      peak_memory_bytes: model.backend.memory().peakBytes,
      seconds: (performance.now() - this.#started) / 1000,
      adapter,
      commits: this.commits,
    };
    await reporter.whenRoom(
      "store the result",
      () => reporter.store.finish(reporter.claim, { status: "succeeded", result }),
    );
  }
}
