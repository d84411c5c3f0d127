// Whether the service answers: the container's health check.

const port = Deno.args[0] ?? "8000";
try {
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`, {
    signal: AbortSignal.timeout(2000),
  });
  Deno.exit(answer.ok ? 0 : 1);
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}
