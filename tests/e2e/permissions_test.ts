// What the processes of the service may not do, tried by a program in their place.

import assert from "@std/assert";
import { join } from "@std/path";
import { readConfiguration } from "../../runs/configuration.ts";
import { permissionFlags, type ProcessRole } from "../../runs/permissions.ts";
import { makeTinyHome, tinySpec } from "../runs/tiny_home.ts";
import { Service } from "./service.ts";

const PROGRAM = `
const tries = {
  "read outside": () => Deno.readTextFile("/etc/passwd"),
  "write outside": () => Deno.writeTextFile("/tmp/noregret-should-not-exist", ""),
  "reach another host": () => fetch("http://127.0.0.2:4321/"),
  "reach a host that code may be imported from": () => import("https://deno.land/" + Deno.args[0]),
  "leave a link": () => Deno.symlink("/etc", Deno.args[0] + "/link"),
  "start a program": () => new Deno.Command("/bin/true").output(),
  "see a secret": () => Deno.env.get("AWS_SECRET_ACCESS_KEY"),
  "write at home": () => Deno.writeTextFile(Deno.args[0] + "/note", "hello"),
};
const allowed = [];
for (const [name, attempt] of Object.entries(tries)) {
  try {
    await attempt();
    allowed.push(name);
  } catch (error) {
    if (error.name !== "NotCapable" && !/--no-remote/.test(error.message)) allowed.push(name + ": " + error);
  }
}
console.log(JSON.stringify(allowed));
`;

for (const role of ["service", "job"] as ProcessRole[]) {
  Deno.test(`a ${role} may write to its data folder and nothing else`, async () => {
    await using tiny = await makeTinyHome();
    const program = join(tiny.home, "program.ts");
    await Deno.writeTextFile(program, PROGRAM);
    const configuration = { ...readConfiguration(() => undefined), home: tiny.home };
    const flags = permissionFlags(role, configuration);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-config", ...flags, program, tiny.home],
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assert.deepEqual(JSON.parse(text(stdout) || text(stderr)), ["write at home"]);
  });
}

/** Containers often have no IPv6. */
const noIpv6 = (() => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return undefined;
  } catch {
    return "there is no IPv6";
  }
})();

Deno.test({
  name: "the service listens on an IPv6 address with no more than its permissions" +
    (noIpv6 ? `: skipped, ${noIpv6}` : ""),
  ignore: noIpv6 !== undefined,
  async fn() {
    await using tiny = await makeTinyHome();
    await using service = await Service.start(tiny.home, { HOST: "::1" }, ["start", "serve"]);
    assert.match(service.url, /^http:\/\/\[::1\]:\d+$/);
    assert.equal((await service.json("/v1/runs")).runs.length, 0);
  },
});

Deno.test("the service trains, generates and draws with no more than its permissions", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home, {}, ["start", "serve"]);
  const id = await service.post(tinySpec());
  const events = await service.events(id);
  assert.equal(events.at(-1)!.type, "succeeded", JSON.stringify(events.at(-1)));
  const json = { "Content-Type": "application/json" };
  const body = JSON.stringify({ model: "noregret/tiny", prompts: ["Call me"], max_new_tokens: 4 });
  const answer = await service.json("/v1/generate", { method: "POST", headers: json, body });
  assert.equal(answer.completions.length, 1);
  for (const path of ["/", "/device", "/figures", "/data?text=hello", "/docs", "/metrics"]) {
    const page = await fetch(service.url + path);
    await page.body!.cancel();
    assert.equal(page.status, 200, path);
  }
});
