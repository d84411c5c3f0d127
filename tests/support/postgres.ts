// A PostgreSQL server of the test process's own: Debian's binaries, a throw-away folder, loopback.

import { join } from "@std/path";
import { until } from "./until.ts";
import { freePort } from "./free_port.ts";

const ROOT = "/usr/lib/postgresql";

/** The folder of the newest server's programs; undefined where none is installed. */
const programs = (() => {
  try {
    const version = [...Deno.readDirSync(ROOT)].map(({ name }) => Number(name)).sort((a, b) =>
      b - a
    );
    return join(ROOT, String(version[0]), "bin");
  } catch {
    return undefined;
  }
})();

/** Why tests that need a server are skipped; undefined where there is one. */
export const noPostgres = programs === undefined ? "PostgreSQL is not installed" : undefined;

/** A running server. */
export interface PostgresServer extends AsyncDisposable {
  /** The process that accepts connections. */
  pid(): Promise<number>;
  /** Starts it again on the same folder and port. */
  restart(): Promise<void>;
  /** Makes an empty database and returns its address. */
  createDatabase(): Promise<string>;
}

/** Starts a server on a free port: by default one that does not wait for the disk, for 100 clients. */
export async function startPostgres(
  { durable = false, connections = 100 } = {},
): Promise<PostgresServer> {
  const folder = await Deno.makeTempDir({ prefix: "noregret-postgres-" });
  const data = join(folder, "data");
  if (Deno.uid() === 0) await run("chown", "postgres", folder);
  await asPostgres("initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-sync");
  const port = freePort();
  const options = `-p ${port} -h 127.0.0.1 -k ${folder} -c fsync=${durable ? "on" : "off"} ` +
    `-c max_connections=${connections}`;
  const start = () =>
    asPostgres("pg_ctl", "-D", data, "-w", "-l", join(folder, "log"), "-o", options, "start");
  await start();
  let databases = 0;
  return {
    async pid() {
      return Number((await Deno.readTextFile(join(data, "postmaster.pid"))).split("\n")[0]);
    },
    async restart() {
      // Sessions outlive a killed server for a moment, and until they are gone it does not start.
      await until("PostgreSQL starts again", () => start().then(() => true, () => false));
    },
    async createDatabase() {
      const name = `test_${++databases}`;
      await asPostgres("createdb", "-h", "127.0.0.1", "-p", String(port), "-U", "postgres", name);
      return `postgres://postgres@127.0.0.1:${port}/${name}`;
    },
    async [Symbol.asyncDispose]() {
      await asPostgres("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop").catch(() => {});
      await Deno.remove(folder, { recursive: true });
    },
  };
}

// PostgreSQL refuses to run as root.
async function asPostgres(program: string, ...args: string[]): Promise<void> {
  const command = [join(programs!, program), ...args];
  await run(...(Deno.uid() === 0 ? ["runuser", "-u", "postgres", "--", ...command] : command));
}

async function run(...command: string[]): Promise<void> {
  const [program, ...args] = command;
  // The server keeps what it inherits open: nothing may wait for its output.
  const { code } = await new Deno.Command(program!, {
    args,
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  if (code !== 0) throw new Error(`${command.join(" ")} ended with code ${code}`);
}
