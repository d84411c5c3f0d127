// The container's files, as far as they can be checked without an engine.

import assert from "@std/assert";
import { join } from "@std/path";
import { fileURLToPath } from "node:url";
import { Deployment } from "kubernetes-models/apps/v1";
import { PersistentVolumeClaim, Service as KubernetesService } from "kubernetes-models/v1";
import { parse, parseAllDocuments } from "yaml";
import { readConfiguration } from "../../runs/configuration.ts";
import { Service } from "../e2e/service.ts";
import { makeTinyHome } from "../runs/tiny_home.ts";

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
