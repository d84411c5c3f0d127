// API keys. Only their hashes are kept: whoever reads the environment cannot use them.

import { createHash, timingSafeEqual } from "node:crypto";

/** What a key allows; each includes those before it. */
export const SCOPES = ["read", "run", "admin"] as const;
/** What a key allows. */
export type Scope = (typeof SCOPES)[number];

/** A key that the service accepts. */
export interface ApiKey {
  readonly scope: Scope;
  /** SHA-256 of the key. */
  readonly hash: Uint8Array;
}

/** A new key, to be handed out once, and what the environment keeps of it. */
export function newApiKey(scope: Scope): { readonly key: string; readonly entry: string } {
  const random = crypto.getRandomValues(new Uint8Array(32));
  const key = `nr_${random.toBase64({ alphabet: "base64url", omitPadding: true })}`;
  return { key, entry: `${scope}:${hashOf(key).toHex()}` };
}

/**
 * Reads entries like `run:HASH`, with commas or spaces between them.
 *
 * @throws {RangeError} naming the entry by its place: it may be a key that was put there by mistake.
 */
export function parseApiKeys(text: string): ApiKey[] {
  return text.split(/[\s,]+/).filter((entry) => entry !== "").map((entry, index) => {
    const [, scope, hash] = /^(read|run|admin):([0-9a-f]{64})$/.exec(entry) ?? [];
    if (scope === undefined) {
      throw new RangeError(
        `Cannot read NOREGRET_API_KEYS: entry ${index + 1} is wrong, ` +
          'expected "read:HASH", "run:HASH" or "admin:HASH" as `deno task key` prints it',
      );
    }
    return { scope: scope as Scope, hash: Uint8Array.fromHex(hash!) };
  });
}

/** What a key allows; undefined for one that is not known. Takes as long for any key. */
export function scopeOf(key: string, known: readonly ApiKey[]): Scope | undefined {
  const hash = hashOf(key);
  let found: Scope | undefined;
  for (const each of known) if (timingSafeEqual(hash, each.hash)) found = each.scope;
  return found;
}

/** Whether a key of one scope may do what needs another. */
export function allows(given: Scope, needed: Scope): boolean {
  return SCOPES.indexOf(given) >= SCOPES.indexOf(needed);
}

// The keys are random and long: a fast hash is no help to someone who guesses.
function hashOf(key: string): Uint8Array {
  return createHash("sha256").update(key).digest();
}

if (import.meta.main) {
  const scope = SCOPES.find((each) => each === Deno.args[0]);
  if (scope === undefined) {
    console.error(`Cannot make a key: expected one of ${SCOPES.join(", ")}`);
    Deno.exit(2);
  }
  const { key, entry } = newApiKey(scope);
  console.log(`Key, shown only now:        ${key}`);
  console.log(`Entry of NOREGRET_API_KEYS: ${entry}`);
}
