// What operators see: metrics, log lines, readiness.

import assert from "@std/assert";
import { fileURLToPath } from "node:url";
import { newApiKey } from "../../runs/api_keys.ts";
import { makeTinyHome, tinySpec } from "../runs/tiny_home.ts";
import { Service } from "./service.ts";

/** The value of a series; undefined if there is none. */
function valueOf(text: string, series: string): number | undefined {
  const line = text.split("\n").find((line) => line.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

Deno.test("/metrics counts runs, steps, tokens and requests", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const id = await service.post(tinySpec({ max_steps: 300 }));
  await service.events(id, 0, ({ type, data }) => type === "step" && data.step > 150);
  const during = await (await fetch(`${service.url}/metrics`)).text();
  assert.equal(valueOf(during, 'noregret_runs{status="running"}'), 1);
  assert(valueOf(during, `noregret_device_bytes{run="${id}"}`)! > 1000, during);
  assert(valueOf(during, `noregret_tokens_per_second{run="${id}"}`)! > 0);

  await service.events(id);
  // The job's last words may come after its last event.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const after = await (await fetch(`${service.url}/metrics`)).text();
  assert.equal(valueOf(after, 'noregret_runs{status="succeeded"}'), 1);
  assert.equal(valueOf(after, `noregret_device_bytes{run="${id}"}`), undefined);
  const steps = valueOf(after, "noregret_step_seconds_count")!;
  assert(steps > 200 && steps <= 300, String(steps));
  assert(valueOf(after, "noregret_trained_tokens_total")! > 1000);
  const posts = 'noregret_http_request_seconds_count{method="POST",route="/v1/runs",status="202"}';
  assert.equal(valueOf(after, posts), 1);
});

Deno.test("log lines are JSON with the run's id, and hold no secret", async () => {
  await using tiny = await makeTinyHome();
  const { key, entry } = newApiKey("run");
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--quiet",
      fileURLToPath(new URL("../../main.ts", import.meta.url)),
      "serve",
    ],
    env: {
      NOREGRET_HOME: tiny.home,
      PORT: "0",
      NOREGRET_LOG: "json",
      NOREGRET_THREADS: "1",
      NOREGRET_API_KEYS: entry,
      HF_TOKEN: "hf_secret",
    },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const first = await process.stdout.getReader().read();
  const url = /http:\S+/.exec(new TextDecoder().decode(first.value))![0];
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
  const posted = await fetch(`${url}/v1/runs`, {
    method: "POST",
    headers,
    body: JSON.stringify(tinySpec()),
  });
  const { id } = await posted.json();
  await (await fetch(`${url}/v1/runs/${id}/events`, { headers })).text();
  process.kill("SIGTERM");
  const text = await new Response(process.stderr).text();
  await process.status;
  // A graphics driver may add lines of its own.
  const lines = text.split("\n").filter((line) => line.startsWith("{")).map((line) =>
    JSON.parse(line)
  );
  const own = lines.filter(({ run }) => run === id).map(({ message }) => message);
  assert.deepEqual(own, ["A run starts", "The process of a run has ended"]);
  for (const secret of [key, "hf_secret"]) assert(!text.includes(secret));
});

Deno.test("/readyz says what is not ready", async () => {
  await using tiny = await makeTinyHome();
  await using service = await Service.start(tiny.home);
  const id = await service.post(tinySpec());
  await service.events(id);
  assert.deepEqual(await service.json("/readyz"), { status: "ok", workers: 1 });
  const away = `${tiny.home}.away`;
  await Deno.rename(tiny.home, away);
  try {
    const { detail } = await service.json("/readyz", {}, 503);
    assert.match(detail, /the data folder cannot be used/);
  } finally {
    await Deno.rename(away, tiny.home);
  }
});
