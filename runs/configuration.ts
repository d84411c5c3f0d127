// The environment, read once. docs/configuration.md is this table in prose.

import { join, resolve } from "@std/path";
import { type ApiKey, parseApiKeys } from "./api_keys.ts";
import type { S3Location } from "./artifacts/s3_bucket.ts";
import type { LogFormat } from "./log.ts";

/** What the environment decides. */
export interface Configuration {
  readonly host: string;
  readonly port: number;
  /** The data folder, absolute. */
  readonly home: string;
  /** Runs trained at the same time on the processor; 0 trains nothing, on a GPU neither. */
  readonly jobs: number;
  /** Threads of the cpu backend; undefined: one per core. */
  readonly threads: number | undefined;
  readonly gpu: "auto" | "deno" | "dawn" | "off";
  /** Whether the ways to compute a product are measured on a GPU that was not seen before. */
  readonly autotune: boolean;
  /** Memory of the GPU in bytes; undefined: not known, and not checked. */
  readonly gpuMemory: number | undefined;
  readonly hub: HubConfiguration;
  /** Bytes of a request's body. */
  readonly bodyLimit: number;
  /** Who may use the service, and how much. */
  readonly guard: {
    readonly apiKeys: readonly ApiKey[];
    /** Requests a minute of one client; 0: no limit. */
    readonly rateLimit: number;
    /** Event streams that are open at the same time. */
    readonly maxStreams: number;
  };
  /** How log lines look. */
  readonly logFormat: LogFormat;
  /** Where a worker that serves nothing else tells its metrics; undefined: nowhere. */
  readonly metricsPort: number | undefined;
  /** A worker that is not heard from for so long loses its runs, in milliseconds. */
  readonly lease: number;
  /** The process that generates ends after so long without a request, in milliseconds. */
  readonly generationIdle: number;
  /** A PostgreSQL server that many hosts share; undefined: an SQLite file in the data folder. */
  readonly databaseUrl: string | undefined;
  /** Where checkpoints and adapters go that many hosts share; undefined: the data folder. */
  readonly s3: S3Location | undefined;
}

/** Where models and datasets come from that are not in the data folder. */
export interface HubConfiguration {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** Hosts that the endpoint may redirect to, with `*.` for all below one. */
  readonly stores: readonly string[];
  /** Nothing is downloaded. */
  readonly offline: boolean;
}

const HUB = "https://huggingface.co";
/** Where the hub keeps large files. */
const HUB_STORES = ["*.huggingface.co", "*.hf.co"];

/** Folders and files of the data folder. */
export interface HomePaths {
  readonly database: string;
  readonly models: string;
  readonly adapters: string;
  readonly datasets: string;
  readonly checkpoints: string;
  readonly figures: string;
  readonly tensorboard: string;
  /** What was measured of GPUs. */
  readonly tuning: string;
}

/**
 * Reads the configuration from `get`, by default the process's environment.
 *
 * @throws {RangeError} naming the variable, its value and what is allowed.
 */
export function readConfiguration(
  get: (name: string) => string | undefined = (name) => Deno.env.get(name),
): Configuration {
  const text = (name: string) => get(name) || undefined;
  const gpu = text("NOREGRET_GPU") ?? "auto";
  if (gpu !== "auto" && gpu !== "deno" && gpu !== "dawn" && gpu !== "off") {
    throw new RangeError(
      `Cannot read NOREGRET_GPU: found "${gpu}", expected "auto", "deno", "dawn" or "off"`,
    );
  }
  const autotune = text("NOREGRET_AUTOTUNE") ?? "on";
  if (autotune !== "on" && autotune !== "off") {
    throw new RangeError(
      `Cannot read NOREGRET_AUTOTUNE: found "${autotune}", expected "on" or "off"`,
    );
  }
  const logFormat = text("NOREGRET_LOG") ?? "text";
  if (logFormat !== "text" && logFormat !== "json") {
    throw new RangeError(
      `Cannot read NOREGRET_LOG: found "${logFormat}", expected "text" or "json"`,
    );
  }
  const metricsPort = text("NOREGRET_METRICS_PORT");
  const threads = text("NOREGRET_THREADS"), gpuMemory = text("NOREGRET_GPU_MEMORY");
  return {
    host: text("HOST") ?? "127.0.0.1",
    port: integer("PORT", text("PORT") ?? "8000", 0, 65535),
    home: resolve(text("NOREGRET_HOME") ?? ".noregret"),
    jobs: integer("NOREGRET_JOBS", text("NOREGRET_JOBS") ?? "1", 0, 64),
    threads: threads === undefined ? undefined : integer("NOREGRET_THREADS", threads, 1, 256),
    gpu,
    autotune: autotune === "on",
    hub: {
      endpoint: address(
        "HF_ENDPOINT",
        text("HF_ENDPOINT") ?? HUB,
        HUB,
      ),
      token: text("HF_TOKEN"),
      stores: HUB_STORES,
      offline: /^(1|on|yes|true)$/i.test(text("HF_HUB_OFFLINE") ?? ""),
    },
    gpuMemory: gpuMemory === undefined
      ? undefined
      : integer("NOREGRET_GPU_MEMORY", gpuMemory, 1, Number.MAX_SAFE_INTEGER),
    guard: {
      apiKeys: parseApiKeys(text("NOREGRET_API_KEYS") ?? ""),
      rateLimit: integer("NOREGRET_RATE_LIMIT", text("NOREGRET_RATE_LIMIT") ?? "0", 0, 10_000_000),
      maxStreams: integer("NOREGRET_STREAMS", text("NOREGRET_STREAMS") ?? "500", 1, 100_000),
    },
    logFormat,
    metricsPort: metricsPort === undefined
      ? undefined
      : integer("NOREGRET_METRICS_PORT", metricsPort, 1, 65535),
    lease: 1000 * integer("NOREGRET_LEASE", text("NOREGRET_LEASE") ?? "15", 2, 3600),
    generationIdle: 1000 *
      integer("NOREGRET_GENERATION_IDLE", text("NOREGRET_GENERATION_IDLE") ?? "300", 0, 86_400),
    databaseUrl: databaseUrl(text("DATABASE_URL")),
    s3: s3Location(text),
    bodyLimit: integer(
      "NOREGRET_BODY_LIMIT",
      text("NOREGRET_BODY_LIMIT") ?? String(16 * 1024 * 1024),
      1024,
      2 ** 31 - 1,
    ),
  };
}

function address(name: string, value: string, example: string): string {
  const url = URL.parse(value);
  // It is not shown: these parts are where secrets are.
  if (url?.username || url?.password || url?.search || url?.hash) {
    throw new RangeError(
      `Cannot read ${name}: expected an address such as ${example}, without user, password and query`,
    );
  }
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new RangeError(
      `Cannot read ${name}: found "${value}", expected an address such as ${example}`,
    );
  }
  return url.href.replace(/\/+$/, "");
}

/** Where things lie in a data folder. */
export function homePaths(home: string): HomePaths {
  return {
    database: join(home, "runs.db"),
    models: join(home, "models"),
    adapters: join(home, "adapters"),
    datasets: join(home, "datasets"),
    checkpoints: join(home, "checkpoints"),
    figures: join(home, "figures"),
    tensorboard: join(home, "tensorboard"),
    tuning: join(home, "tuning"),
  };
}

// The value is not shown: it may hold a password.
function databaseUrl(value: string | undefined): string | undefined {
  if (value === undefined || /^postgres(ql)?:\/\//.test(value) && URL.parse(value)?.hostname) {
    return value;
  }
  throw new RangeError(
    "Cannot read DATABASE_URL: expected an address like postgres://user:password@host:5432/name",
  );
}

function s3Location(text: (name: string) => string | undefined): S3Location | undefined {
  const value = text("NOREGRET_ARTIFACTS");
  if (value === undefined) return undefined;
  const [, bucket, path] =
    /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([\w./-]*))?$/.exec(value) ??
      [];
  if (bucket === undefined) {
    throw new RangeError(
      `Cannot read NOREGRET_ARTIFACTS: found "${value}", expected s3://BUCKET or s3://BUCKET/PREFIX`,
    );
  }
  const region = text("AWS_REGION") ?? text("AWS_DEFAULT_REGION") ?? "us-east-1";
  const endpoint = text("AWS_ENDPOINT_URL_S3") ?? text("AWS_ENDPOINT_URL") ??
    `https://s3.${region}.amazonaws.com`;
  const accessKeyId = text("AWS_ACCESS_KEY_ID"), secretAccessKey = text("AWS_SECRET_ACCESS_KEY");
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new RangeError(
      "Cannot use NOREGRET_ARTIFACTS: expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to be set",
    );
  }
  const prefix = (path ?? "").split("/").filter((part) => part !== "").map((part) => `${part}/`);
  return {
    bucket,
    prefix: prefix.join(""),
    endpoint: address("AWS_ENDPOINT_URL", endpoint, "https://s3.example.com"),
    region,
    accessKeyId,
    secretAccessKey,
    sessionToken: text("AWS_SESSION_TOKEN"),
  };
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (!(value >= least && value <= most)) {
    throw new RangeError(
      `Cannot read ${name}: found "${text}", expected an integer from ${least} to ${most}`,
    );
  }
  return value;
}
