// The container's files, as far as they can be checked without an engine.

import assert from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { Deployment } from "kubernetes-models/apps/v1";
import { PersistentVolumeClaim, Service as KubernetesService } from "kubernetes-models/v1";
import { parse, parseAllDocuments } from "yaml";
import { readConfiguration } from "../../runs/configuration.ts";
import { Service } from "../e2e/service.ts";
import { newApiKey } from "../../runs/api_keys.ts";
import { makeTinyHome, tinySpec } from "../runs/tiny_home.ts";
import { freePort } from "../support/free_port.ts";
import { noPostgres, startPostgres } from "../support/postgres.ts";
import { until } from "../support/until.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => Deno.readTextFileSync(join(ROOT, path));
const dockerfile = read("Dockerfile");

/** Commands of main.ts that a container may run. */
const COMMANDS = ["serve", "worker"];

Deno.test("Kubernetes' schemas accept the manifest, and its workers ask for a GPU", () => {
  const kinds = { Deployment, PersistentVolumeClaim, Service: KubernetesService };
  const documents = parseAllDocuments(read("deploy/kubernetes.yaml")).map((one) => one.toJS());
  assert.deepEqual(documents.map(({ kind }) => kind), [
    "PersistentVolumeClaim",
    "Service",
    "Deployment",
    "Deployment",
  ]);
  for (const document of documents) {
    new kinds[document.kind as keyof typeof kinds](document).validate();
  }
  const containers = documents.filter(({ kind }) => kind === "Deployment")
    .map(({ spec }) => spec.template.spec.containers[0]);
  for (const { args, env, securityContext } of containers) {
    assert(COMMANDS.includes(args[0]));
    assert.equal(securityContext.readOnlyRootFilesystem, true);
    const values = Object.fromEntries(
      env.map(({ name, value }: { name: string; value: string }) => [name, value]),
    );
    readConfiguration((name) => values[name]);
  }
  assert.equal(containers[1].resources.limits["nvidia.com/gpu"], 1);
});

Deno.test("the compose file starts the API, a database and workers that can use a GPU", () => {
  const { services, volumes } = parse(read("deploy/compose.yaml"), { merge: true });
  assert.deepEqual(Object.keys(services), ["postgres", "api", "worker"]);
  for (
    const { command, environment, volumes: mounts, read_only } of [
      services.api,
      services.worker,
    ]
  ) {
    assert(COMMANDS.includes(command[0]));
    assert.equal(read_only, true);
    assert.match(environment.DATABASE_URL, /^postgres:\/\/.*@postgres:5432\/noregret$/);
    for (const mount of mounts) assert(Object.hasOwn(volumes, mount.split(":")[0]));
  }
  const [device] = services.worker.deploy.resources.reservations.devices;
  assert(device.capabilities.includes("graphics"));
});

Deno.test("the image has the Deno that the gate runs, and asks the driver for Vulkan", () => {
  const version = /deno@(\d+\.\d+\.\d+)/;
  assert.equal(version.exec(dockerfile)![1], version.exec(read(".ci/run"))![1]);
  assert.match(dockerfile, /NVIDIA_DRIVER_CAPABILITIES=\S*graphics/);
  assert.match(dockerfile, /^USER \d+$/m);
});

Deno.test("history, data and what only tests need stay out of the image", () => {
  const left = read(".dockerignore").split("\n");
  for (const path of [".git", ".noregret", "tests", "wasm/target"]) {
    assert(left.includes(path), path);
  }
});

Deno.test("what the image caches and runs is there", async () => {
  const [, cached] = /deno cache (.+)$/m.exec(dockerfile)!;
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", `"${Deno.execPath()}" cache --quiet ${cached}`],
    cwd: ROOT,
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const [, entry] = /ENTRYPOINT (\[.+\])/.exec(dockerfile)!;
  assert.deepEqual(JSON.parse(entry!).slice(-2), ["main.ts", "start"]);
});

Deno.test({
  name: noPostgres
    ? `postgres: skipped, ${noPostgres}: the manifest's commands serve and train, and its probes are answered`
    : "postgres: the manifest's commands serve and train, and its probes are answered",
  ignore: noPostgres !== undefined,
  async fn() {
    const [entry] = [.../ENTRYPOINT (\[.+\])/.exec(dockerfile)!].slice(1);
    const [, ...args] = JSON.parse(entry!) as string[];
    const containers = parseAllDocuments(read("deploy/kubernetes.yaml")).map((one) => one.toJS())
      .filter(({ kind }) => kind === "Deployment").map(({ spec }) =>
        spec.template.spec.containers[0]
      );
    await using server = await startPostgres();
    await using tiny = await makeTinyHome();
    const { key, entry: keys } = newApiKey("run");
    const secret = { DATABASE_URL: await server.createDatabase(), NOREGRET_API_KEYS: keys };
    const image = { NOREGRET_HOME: tiny.home, NOREGRET_LOG: "json", NOREGRET_THREADS: "1" };
    const processes: Deno.ChildProcess[] = [];
    /** Starts a container's command and asks each of its probes until it says yes. */
    const start = async (container: typeof containers[number], port: number) => {
      const process = new Deno.Command(Deno.execPath(), {
        args: [...args, ...container.args],
        cwd: ROOT,
        env: {
          ...image,
          ...secret,
          ...Object.fromEntries(
            container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
          ),
          // The pods' ports and addresses, on one machine.
          HOST: "127.0.0.1",
          PORT: String(port),
          ...(container.args[0] === "worker" && { NOREGRET_METRICS_PORT: String(port) }),
        },
        stdout: "null",
        stderr: "inherit",
      }).spawn();
      processes.push(process);
      let ended = false;
      void process.status.then(() => ended = true);
      for (const probe of ["livenessProbe", "readinessProbe"]) {
        if (!container[probe]) continue;
        const url = `http://127.0.0.1:${port}${container[probe].httpGet.path}`;
        await until(`${url} answers`, () => {
          assert(!ended, `"${container.args}" ended before ${url} answered`);
          return fetch(url).then((answer) => answer.text().then(() => answer.ok), () => false);
        });
      }
    };
    const port = freePort();
    try {
      await start(containers[0], port);
      await start(containers[1], freePort());
      const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
      const ask = async (path: string, body?: string) => {
        const init = { headers, ...(body !== undefined && { method: "POST", body }) };
        return await (await fetch(`http://127.0.0.1:${port}${path}`, init)).text();
      };
      const { id } = JSON.parse(await ask("/v1/runs", JSON.stringify(tinySpec())));
      assert.match(await ask(`/v1/runs/${id}/events`), /event: succeeded/);
    } finally {
      for (const process of processes) process.kill("SIGTERM");
      for (const process of processes) assert.equal((await process.status).code, 0);
    }
  },
});

Deno.test("the health check says whether the service answers", async () => {
  const check = async (port: string) => {
    const args = ["run", "--quiet", `--allow-net=127.0.0.1:${port}`, "deploy/healthcheck.ts", port];
    return (await new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stderr: "null" }).output())
      .code;
  };
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home, {}, ["start", "serve"]);
  const { port } = new URL(service.url);
  assert.equal(await check(port), 0);
  await service.stop();
  assert.equal(await check(port), 1);
});
