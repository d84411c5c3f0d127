// An S3-compatible server of the test process's own: rclone's, over a throw-away folder, on loopback.

import { dirname, join } from "@std/path";
import type { S3Location } from "../../runs/artifacts/s3_bucket.ts";
import { until } from "./until.ts";
import { freePort } from "./free_port.ts";

/** rclone's program: in the PATH, or beside the Python that tests use. */
const program = (() => {
  const python = Deno.env.get("NOREGRET_PYTHON");
  const folders = [
    ...(python ? [dirname(python)] : []),
    ...(Deno.env.get("PATH") ?? "").split(":"),
  ];
  return folders.map((folder) => join(folder, "rclone")).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
})();

/** Why tests that need such a server are skipped; undefined where there is one. */
export const noS3 = program === undefined ? "rclone is not installed" : undefined;

/** A running server with one bucket. */
export interface S3Server extends AsyncDisposable {
  readonly location: S3Location;
  /** The bucket's objects, as files. */
  readonly folder: string;
  /** What a process needs to know to use it. */
  readonly env: Record<string, string>;
  /** Ends it; the objects stay. */
  stop(): Promise<void>;
  /** Starts it again on the same folder and port. */
  restart(): Promise<void>;
}

const KEYS = { accessKeyId: "test-access-key", secretAccessKey: "test-secret-key" };

/** Starts a server on a free port. */
export async function startS3(): Promise<S3Server> {
  const root = await Deno.makeTempDir({ prefix: "noregret-s3-" });
  const folder = join(root, "bucket");
  await Deno.mkdir(folder);
  const address = `127.0.0.1:${freePort()}`;
  const endpoint = `http://${address}`;
  const start = async () => {
    const process = new Deno.Command(program!, {
      args: [
        "serve",
        "s3",
        ...["--addr", address, "--config", join(root, "none.conf")],
        ...["--auth-key", `${KEYS.accessKeyId},${KEYS.secretAccessKey}`],
        // What the test changes in the folder is seen soon.
        ...["--dir-cache-time", "100ms", root],
      ],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const answers = () => fetch(endpoint).then((answer) => answer.body?.cancel());
    await until("the S3 server answers", () => answers().then(() => true, () => false));
    return process;
  };
  let process = await start();
  const stop = async () => {
    try {
      process.kill("SIGKILL");
    } catch {
      // It was stopped by the test.
    }
    await process.status;
  };
  return {
    location: {
      bucket: "bucket",
      prefix: "some/where/",
      endpoint,
      region: "us-east-1",
      ...KEYS,
      sessionToken: undefined,
    },
    folder: join(folder, "some", "where"),
    env: {
      NOREGRET_ARTIFACTS: "s3://bucket/some/where",
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    },
    stop,
    async restart() {
      process = await start();
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await Deno.remove(root, { recursive: true });
    },
  };
}
