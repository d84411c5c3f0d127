// What the service tells Prometheus: how many runs there are in which state, how fast they train, what
// the device holds, how requests fare.

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { RunStatus } from "./spec/run.ts";
import type { RunStore } from "./store/run_store.ts";
import type { Work } from "./worker/work.ts";
import { waitingFor } from "./workers/placement.ts";
import type { WorkerStore } from "./workers/worker_store.ts";

/** The metrics of one process. */
export class ServiceMetrics {
  readonly #registry = new Registry();
  readonly #requests = new Histogram({
    name: "noregret_http_request_seconds",
    help: "Time to answer, by route",
    labelNames: ["method", "route", "status"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.#registry],
  });
  readonly #steps = new Histogram({
    name: "noregret_step_seconds",
    help: "Time of a training step, over the steps between two reports of a job",
    buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300],
    registers: [this.#registry],
  });
  readonly #tokens = new Counter({
    name: "noregret_trained_tokens_total",
    help: "Tokens that this process's jobs trained on",
    registers: [this.#registry],
  });
  readonly #device = new Gauge({
    name: "noregret_device_bytes",
    help: "Bytes that the jobs of this process hold on their devices",
    labelNames: ["run"],
    registers: [this.#registry],
  });

  constructor(store: RunStore, workers: WorkerStore) {
    const registers = [this.#registry];
    new Gauge({
      name: "noregret_runs",
      help: "Runs in the store, by status; the queue is as deep as there are queued ones",
      labelNames: ["status"],
      registers,
      async collect() {
        const counts = await store.countByStatus();
        for (const status of RunStatus.options) this.set({ status }, counts[status] ?? 0);
      },
    });
    new Gauge({
      name: "noregret_tokens_per_second",
      help: "Tokens a second of the runs that train",
      labelNames: ["run"],
      registers,
      async collect() {
        this.reset();
        for (const run of await store.list({ status: "running", limit: 1000 })) {
          this.set({ run: run.id }, run.progress?.tokens_per_s ?? 0);
        }
      },
    });
    new Gauge({
      name: "noregret_workers",
      help: "Workers of the last day, by status",
      labelNames: ["status"],
      registers,
      async collect() {
        const all = await workers.list();
        for (const status of ["ready", "draining", "gone"]) {
          this.set({ status }, all.filter((worker) => worker.status === status).length);
        }
      },
    });
    new Gauge({
      name: "noregret_devices",
      help: "Devices of the workers that are alive, by backend; each trains one run at a time",
      labelNames: ["backend"],
      registers,
      async collect() {
        const devices = (await workers.list()).filter(({ status }) => status === "ready")
          .flatMap(({ devices }) => devices);
        for (const backend of ["cpu", "webgpu"]) {
          this.set({ backend }, devices.filter((device) => device.backend === backend).length);
        }
      },
    });
    new Gauge({
      name: "noregret_runs_without_device",
      help: "Queued runs that no living worker could take",
      registers,
      async collect() {
        const alive = await workers.list();
        const waiting = (await workers.waiting()).filter((asked) => waitingFor(asked, alive));
        this.set(waiting.reduce((sum, { runs }) => sum + runs, 0));
      },
    });
    new Gauge({
      name: "noregret_process_resident_bytes",
      help: "Memory of this process",
      registers,
      collect() {
        this.set(Deno.memoryUsage().rss);
      },
    });
  }

  /** Counts an answered request. */
  answered(method: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ method, route, status: String(status) }, seconds);
  }

  /** Counts what a job of this process did. */
  worked(run: string, { steps, seconds, tokens, deviceBytes }: Work): void {
    for (let step = 0; step < steps; step++) this.#steps.observe(seconds / steps);
    this.#tokens.inc(tokens);
    this.#device.set({ run }, deviceBytes);
  }

  /** Forgets a job that has ended. */
  ended(run: string): void {
    this.#device.remove({ run });
  }

  /** Everything, in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

/** The type of {@linkcode ServiceMetrics.text}. */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;
