// Puts the parts together: environment → store → queue → workers → routes.
//
//   main.ts serve              the HTTP API, and a worker beside it
//   main.ts worker             a worker only, on the same data folder
//   main.ts run-job ID N       trains one claimed run; started by a worker

import { homePaths, readConfiguration } from "./runs/configuration.ts";
import type { Configuration } from "./runs/configuration.ts";
import { createRunQueue } from "./runs/queue/kysely_run_queue.ts";
import { openDatabase } from "./runs/store/database.ts";
import { createRunStore } from "./runs/store/kysely_run_store.ts";
import { Supervisor } from "./runs/worker/supervisor.ts";

async function main([command = "serve", ...rest]: string[]): Promise<void> {
  const configuration = readConfiguration();
  if (command === "run-job") {
    const { runJob } = await import("./runs/worker/job_process.ts");
    Deno.exit(await runJob(rest[0]!, Number(rest[1]), configuration));
  }
  if (command !== "serve" && command !== "worker") {
    throw new RangeError(`Cannot run "${command}": expected "serve" or "worker"`);
  }
  await run(configuration, command === "serve");
}

async function run(configuration: Configuration, serve: boolean): Promise<void> {
  const paths = homePaths(configuration.home);
  try {
    await Deno.mkdir(configuration.home, { recursive: true });
  } catch (cause) {
    const { message } = cause as Error;
    throw new RangeError(`Cannot use NOREGRET_HOME: ${message}, expected a folder`, { cause });
  }
  const database = openDatabase(paths.database);
  const store = createRunStore(database);
  const queue = createRunQueue(database);
  const supervisor = new Supervisor({ store, queue, configuration, main: import.meta.url });
  supervisor.start();
  const server = serve ? await listen(configuration, store, () => supervisor.wake()) : undefined;

  await Promise.race(
    (["SIGTERM", "SIGINT"] as const).map((signal) =>
      new Promise<void>((resolve) => Deno.addSignalListener(signal, resolve))
    ),
  );
  // Runs first: an open event stream then sees its run go back to the queue.
  await supervisor.stop();
  await server?.shutdown();
  await store.close();
  Deno.exit(0);
}

async function listen(
  configuration: Configuration,
  store: ReturnType<typeof createRunStore>,
  wake: () => void,
): Promise<Deno.HttpServer> {
  const { createApp } = await import("./routes/app.ts");
  const { host: hostname, port, bodyLimit, home } = configuration;
  const app = createApp({ store, home, paths: homePaths(home), bodyLimit, wake });
  try {
    return Deno.serve({
      hostname,
      port,
      onListen: ({ hostname, port }) => console.log(`Listening on http://${hostname}:${port}`),
    }, app.fetch);
  } catch (cause) {
    const { message } = cause as Error;
    throw new RangeError(
      `Cannot listen on ${hostname}:${port}: ${message}, expected a free PORT and a HOST of here`,
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
