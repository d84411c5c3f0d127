// What each process of the service may do, as Deno's flags: its own program and the data folder, the
// hosts that it is told of, nothing else. A process that reads models and data which others made can
// neither start programs nor reach the network beyond the database, the artifacts' store and the hub.

import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { hostAndPort } from "./address.ts";
import type { Configuration } from "./configuration.ts";

/** What a process is for. */
export type ProcessRole = "service" | "job";

/** Variables that are read: our own, the hub's, PostgreSQL's, and what libraries look for. */
const ENVIRONMENT = [
  "HOST",
  "PORT",
  "NOREGRET_*",
  "DATABASE_URL",
  "DENO_V8_FLAGS",
  "HF_*",
  "OTEL_*",
  "PG*",
  "USER",
  "USERNAME",
  "NODE_*",
  "NO_COLOR",
  "FORCE_COLOR",
];

/** Where this program's files lie. */
const ROOT = join(import.meta.dirname!, "..");

/** Deno's flags for a process of `role`. */
export function permissionFlags(
  role: ProcessRole,
  { host, port, home, databaseUrl, s3, hub, gpu, metricsPort }: Pick<
    Configuration,
    "host" | "port" | "home" | "databaseUrl" | "s3" | "hub" | "gpu" | "metricsPort"
  >,
): string[] {
  const net = [
    ...(databaseUrl === undefined ? [] : [databaseHost(databaseUrl)]),
    ...(s3 === undefined ? [] : [new URL(s3.endpoint).host]),
    ...(role === "service" ? [hostAndPort(host, port)] : []),
    ...(role === "service" && metricsPort !== undefined ? [hostAndPort(host, metricsPort)] : []),
    ...(role === "job" && !hub.offline ? [new URL(hub.endpoint).host, ...hub.stores] : []),
  ];
  return [
    `--allow-read=${[ROOT, home, ...(role === "service" ? [packages()] : [])].join(",")}`,
    `--allow-write=${home}`,
    `--allow-env=${[...ENVIRONMENT, ...(s3 === undefined ? [] : ["AWS_*"])].join(",")}`,
    "--allow-sys=hostname,systemMemoryInfo,osRelease,cpus",
    ...(net.length > 0 ? [`--allow-net=${net.join(",")}`] : []),
    ...(role === "service" ? [`--allow-run=${Deno.execPath()}`] : []),
    ...(gpu === "dawn" ? ["--allow-ffi"] : []),
    // By default code may be imported from a few hosts, which would hear what is in its address.
    "--no-remote",
    "--no-prompt",
  ];
}

// The renderer of pictures reads its own module from where Deno keeps packages.
function packages(): string {
  return join(fileURLToPath(import.meta.resolve("@resvg/resvg-wasm/index_bg.wasm")), "..");
}

function databaseHost(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || 5432}`;
}
