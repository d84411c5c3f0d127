// Tests wait for what they need, never for a while.

const POLL_MS = 20;
/** Beyond any machine's slowness: what has not come by then does not come. */
const PATIENCE_MS = 120_000;

/** Asks again and again until the answer is one (not undefined or false), and gives it. */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
): Promise<Exclude<T, undefined | false>> {
  for (let waited = 0; waited < PATIENCE_MS; waited += POLL_MS) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`Waited in vain until ${what}`);
}
