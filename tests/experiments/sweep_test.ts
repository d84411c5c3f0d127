// The real command line, run for a few steps: what is finished stays finished, and a stopped sweep goes on.

import assert from "@std/assert";
import { join } from "@std/path";

const CLI = new URL("../../experiments/cli.ts", import.meta.url).pathname;

function fig1(home: string, ...args: string[]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", CLI, "1", "--backend", "cpu", ...args],
    env: { NOREGRET_HOME: home },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

const SMALL = ["--preset", "smoke", "--ranks", "2", "--steps", "4"];

Deno.test("fig1 writes its four files, and a second time runs nothing", async () => {
  const home = await Deno.makeTempDir();
  try {
    const first = await fig1(home, ...SMALL, "--out", join(home, "a")).output();
    assert.equal(first.code, 0, new TextDecoder().decode(first.stderr));
    const data = JSON.parse(await Deno.readTextFile(join(home, "a", "fig1.json")));
    assert.equal(data.runs.length, 4);
    for (const run of data.runs) {
      assert.equal(run.status, "succeeded");
      assert.equal(run.result.steps, 4);
      assert.ok(run.points.some((point: { eval_nll?: number }) => Number.isFinite(point.eval_nll)));
    }
    const csv = (await Deno.readTextFile(join(home, "a", "fig1.csv"))).trim().split("\r\n");
    assert.equal(csv.length, 1 + data.rows.length);
    for (const name of ["fig1.svg", "fig1.png"]) {
      assert.ok((await Deno.stat(join(home, "a", name))).size > 1000);
    }

    const second = await fig1(home, ...SMALL, "--out", join(home, "b")).output();
    assert.equal(second.code, 0);
    assert.match(new TextDecoder().decode(second.stderr), /4 of 4 runs were finished before/);
    const again = JSON.parse(await Deno.readTextFile(join(home, "b", "fig1.json")));
    assert.deepEqual(again.rows, data.rows);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("a sweep that is stopped goes on with the runs that are left", async () => {
  const home = await Deno.makeTempDir();
  const args = [...SMALL, "--steps", "24", "--jobs", "1"];
  try {
    const stopped = fig1(home, ...args);
    let said = "";
    for await (const chunk of stopped.stderr.pipeThrough(new TextDecoderStream())) {
      said += chunk;
      if (said.includes("1/4")) {
        stopped.kill("SIGINT");
        break;
      }
    }
    assert.equal((await stopped.status).code, 130, said);
    await stopped.stdout.cancel();

    const { code, stderr } = await fig1(home, ...args).output();
    const text = new TextDecoder().decode(stderr);
    assert.equal(code, 0, text);
    assert.match(text, /[1-3] of 4 runs were finished before/);
    const data = JSON.parse(await Deno.readTextFile(join(home, "figures", "fig1.json")));
    assert.ok(data.runs.every(({ result }: { result: { steps: number } }) => result.steps === 24));
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("fig1 answers a bad option with one line and exit code 2", async () => {
  const { code, stderr } = await fig1("/nowhere", "--ranks", "0").output();
  assert.equal(code, 2);
  assert.equal(
    new TextDecoder().decode(stderr),
    'Cannot use --ranks "0": expected an integer from 1 to 512\n',
  );
});

Deno.test("fig1 --preset paper is a whole plan, and says what is missing to run it", async () => {
  const home = await Deno.makeTempDir();
  try {
    const plan = await fig1(home, "--preset", "paper", "--dry-run").output();
    assert.equal(plan.code, 0);
    const text = new TextDecoder().decode(plan.stdout);
    assert.match(text, /LoRA r=512 +6 .*1,342,177,280/);
    assert.match(text, /132 runs, 86,507,520,000 tokens/);
    const run = await fig1(home, "--preset", "paper").output();
    assert.equal(run.code, 2);
    assert.match(new TextDecoder().decode(run.stderr), /meta-llama\/Llama-3\.1-8B/);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
