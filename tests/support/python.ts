// Python, where the machine has it: the libraries that ours is compared with.

/** npx puts the system's programs first: another Python has to be named. */
export const PYTHON = Deno.env.get("NOREGRET_PYTHON") ?? "python3";

/** What Python prints; undefined where there is no Python. */
export async function python(
  args: readonly string[],
): Promise<{ out: string; error: string } | undefined> {
  const command = new Deno.Command(PYTHON, {
    args: [...args],
    env: { HF_HUB_OFFLINE: "1", TF_CPP_MIN_LOG_LEVEL: "3" },
  });
  const { stdout, stderr } = await command.output().catch((error) => {
    if (error instanceof Deno.errors.NotFound) return { stdout: undefined, stderr: undefined };
    throw error;
  });
  if (!stdout) return undefined;
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { out: text(stdout), error: text(stderr) };
}

/** Whether Python has all these modules. */
export async function pythonHas(...modules: string[]): Promise<boolean> {
  const code = "import sys; from importlib.util import find_spec as f; " +
    "print(all(map(f, sys.argv[1:])))";
  return (await python(["-c", code, ...modules]))?.out === "True";
}
