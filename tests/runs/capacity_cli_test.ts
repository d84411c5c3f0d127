import assert from "@std/assert";

async function capacity(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const cli = new URL("../../runs/capacity_cli.ts", import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", cli, ...args],
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

Deno.test("capacity prints the service's answer with --json", async () => {
  const { code, out } = await capacity(
    ...["--model", "Llama-3.1-8B", "--r", "1", "--json"],
    ...["--episodes", "10000", "--samples-per-episode", "32"],
  );
  assert.equal(code, 0);
  const answer = JSON.parse(out);
  assert.equal(answer.trainable_parameters, 2_621_440);
  assert.equal(answer.capacity_ratio, 16.384);
});

Deno.test("capacity prints a verdict and its reasons for a person", async () => {
  const { code, out } = await capacity(
    ...["--model", "Llama-3.1-8B", "--r", "128", "--target-modules", "attention"],
    ...["--examples", "939343", "--tokens-per-example", "1000"],
  );
  assert.equal(code, 0);
  assert.match(out, /verdict +capacity_limited/);
  assert.match(out, /trainable parameters +109,051,904/);
  assert.match(out, /Attention-only LoRA falls behind/);
});

Deno.test("capacity ends with code 2 and one line for a bad question", async () => {
  const examples = ["--examples", "10", "--tokens-per-example", "10"];
  const bad: [string[], RegExp][] = [
    [["--model", "Llama-9", ...examples], /Unknown model "Llama-9"/],
    [["--model", "Llama-3.1-8B", "--r", "0", ...examples], /capacity: r: /],
    [["--model", "Llama-3.1-8B", "--rank", "3", ...examples], /--rank/],
    [["--model", "Llama-3.1-8B"], /capacity: dataset: Missing/],
    [["--model", "Llama-3.1-8B", "--r", "x", ...examples], /r: Expected number but found "x"/],
  ];
  for (const [args, message] of bad) {
    const { code, error } = await capacity(...args);
    assert.equal(code, 2, args.join(" "));
    const lines = error.trim().split("\n").filter((line) => line.startsWith("capacity"));
    assert.equal(lines.length, 1, error);
    assert.match(lines[0]!, message);
  }
});
