// Puts the parts together: environment → store → queue → workers → routes.
//
//   main.ts start COMMAND      runs a command below with no more permissions than it needs
//   main.ts serve              the HTTP API, and a worker beside it
//   main.ts worker             a worker only, on the same data folder
//   main.ts fig1 … fig6        draws a figure; `figures`: all of them
//   main.ts migrate            brings the database up to date and ends
//   main.ts run-job ID N       trains one claimed run; started by a worker
//   main.ts run-generator      continues prompts that come on its standard input; started by the service

import { hostAndPort, isLoopback } from "./runs/address.ts";
import type { ArtifactStore } from "./runs/artifacts/artifact_store.ts";
import { ArtifactStoreError } from "./runs/artifacts/artifact_store.ts";
import { openArtifacts } from "./runs/artifacts/open_artifacts.ts";
import { homePaths, readConfiguration } from "./runs/configuration.ts";
import type { Configuration } from "./runs/configuration.ts";
import { type OpenRuns, openRuns } from "./runs/open_runs.ts";
import { permissionFlags } from "./runs/permissions.ts";
import { log, startLog } from "./runs/log.ts";
import { METRICS_TYPE, ServiceMetrics } from "./runs/service_metrics.ts";
import { stopHopelessRuns } from "./runs/sweeps/early_stopping.ts";
import { GenerationService } from "./runs/worker/generation_service.ts";
import { Supervisor } from "./runs/worker/supervisor.ts";

/** Runs a command. `program`: the URL of the entry point, which job processes are started with. */
export async function main(
  [command = "serve", ...rest]: string[],
  program = import.meta.url,
): Promise<void> {
  const figure = command === "figures" ? "all" : /^fig([1-6])$/.exec(command)?.[1];
  if (figure !== undefined) {
    const { figureCommand } = await import("./experiments/cli.ts");
    Deno.exit(await figureCommand(figure, rest));
  }
  const configuration = readConfiguration();
  if (command === "start") {
    // A compiled program has the permissions that it was made with.
    if (Deno.build.standalone) return await main(rest, program);
    Deno.exit(await start(rest, configuration));
  }
  if (command === "run-job") {
    const { runJob } = await import("./runs/worker/job_process.ts");
    Deno.exit(await runJob(rest[0]!, Number(rest[1]), configuration));
  }
  if (command === "run-generator") {
    const { runGenerator } = await import("./runs/worker/generation_process.ts");
    await runGenerator(configuration);
    Deno.exit(0);
  }
  if (command === "migrate") {
    await makeHome(configuration.home);
    await (await openRuns(configuration, "job"))[Symbol.asyncDispose]();
    // Timers of connections that are closed would keep the process for seconds.
    Deno.exit(0);
  }
  if (command !== "serve" && command !== "worker") {
    throw new RangeError(
      `Cannot run "${command}": expected "serve", "worker", "migrate", "fig1" … "fig6" or "figures"`,
    );
  }
  await run(configuration, program, command === "serve");
  Deno.exit(0);
}

/** Runs a command in a process with its own permissions, and hands signals on to it. */
async function start(args: string[], configuration: Configuration): Promise<number> {
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      ...permissionFlags("service", configuration),
      import.meta.filename!,
    ]
      .concat(args),
    stdin: "inherit",
  }).spawn();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, () => process.kill(signal));
  }
  return (await process.status).code;
}

async function run(
  configuration: Configuration,
  program: string,
  serve: boolean,
): Promise<void> {
  await makeHome(configuration.home);
  await using runs = await openRuns(configuration);
  const { store, queue, sweeps, workers } = runs;
  const artifacts = await openArtifacts(configuration);
  await checkArtifacts(artifacts);
  startLog(configuration.logFormat);
  const metrics = new ServiceMetrics(store, workers);
  const supervisor = new Supervisor({
    queue,
    workers,
    configuration,
    main: program,
    onWork: (run, work) => work ? metrics.worked(run, work) : metrics.ended(run),
  });
  supervisor.start();
  const stop = new AbortController();
  const generation = new GenerationService({ configuration, main: program });
  const server = serve
    ? await listen(
      configuration,
      { store, sweeps, workers, artifacts, generation, metrics },
      () => supervisor.wake(),
    )
    : listenForMetrics(configuration, metrics);
  const sweeping = serve ? stopHopelessRuns({ store, sweeps }, stop.signal) : undefined;

  await Promise.race(
    (["SIGTERM", "SIGINT"] as const).map((signal) =>
      new Promise<void>((resolve) => Deno.addSignalListener(signal, resolve))
    ),
  );
  // Runs first: an open event stream then sees its run go back to the queue.
  await supervisor.stop();
  stop.abort();
  await sweeping;
  await generation[Symbol.asyncDispose]();
  await server?.shutdown();
}

async function makeHome(folder: string): Promise<void> {
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (cause) {
    const { message } = cause as Error;
    throw new RangeError(`Cannot use NOREGRET_HOME: ${message}, expected a folder`, { cause });
  }
}

async function checkArtifacts(artifacts: ArtifactStore): Promise<void> {
  try {
    await artifacts.check();
  } catch (cause) {
    if (!(cause instanceof ArtifactStoreError)) throw cause;
    throw new RangeError(cause.message, { cause });
  }
}

// A worker serves nothing but what it measures and that it answers, where it is told to. The latter asks no
// database: one that is away is no reason to start a worker anew in the middle of its runs.
function listenForMetrics(
  { host: hostname, metricsPort: port }: Configuration,
  metrics: ServiceMetrics,
): Deno.HttpServer | undefined {
  if (port === undefined) return undefined;
  return Deno.serve(
    { hostname, port, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/healthz") return Response.json({ status: "ok" });
      if (pathname !== "/metrics") return new Response("See /metrics\n", { status: 404 });
      try {
        return new Response(await metrics.text(), { headers: { "Content-Type": METRICS_TYPE } });
      } catch (error) {
        log("error", "Cannot collect the metrics", {}, error);
        return new Response("The database is away\n", { status: 503 });
      }
    },
  );
}

async function listen(
  configuration: Configuration,
  parts: Pick<OpenRuns, "store" | "sweeps" | "workers"> & {
    artifacts: ArtifactStore;
    generation: GenerationService;
    metrics: ServiceMetrics;
  },
  wake: () => void,
): Promise<Deno.HttpServer> {
  const { createApp } = await import("./routes/app.ts");
  const { host: hostname, port, bodyLimit, home, guard } = configuration;
  if (guard.apiKeys.length === 0 && !isLoopback(hostname)) {
    throw new RangeError(
      `Cannot listen on ${hostname} for everyone: expected NOREGRET_API_KEYS to be set ` +
        "(`deno task key run` makes one), or HOST to be 127.0.0.1",
    );
  }
  const app = createApp({ ...parts, home, paths: homePaths(home), bodyLimit, guard, wake });
  try {
    return Deno.serve({
      hostname,
      port,
      onListen: ({ hostname, port }) =>
        console.log(`Listening on http://${hostAndPort(hostname, port)}`),
    }, app.fetch);
  } catch (cause) {
    const { message } = cause as Error;
    throw new RangeError(
      `Cannot listen on ${
        hostAndPort(hostname, port)
      }: ${message}, expected a free PORT and a HOST of here`,
      { cause },
    );
  }
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
