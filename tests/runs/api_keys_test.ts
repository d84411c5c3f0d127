import assert from "@std/assert";
import { allows, newApiKey, parseApiKeys, scopeOf } from "../../runs/api_keys.ts";

Deno.test("a new key is known by its entry, and by no other's", () => {
  const [one, other] = [newApiKey("read"), newApiKey("admin")];
  const known = parseApiKeys(`${one.entry}, ${other.entry}\n`);
  assert.equal(scopeOf(one.key, known), "read");
  assert.equal(scopeOf(other.key, known), "admin");
  assert.equal(scopeOf(newApiKey("admin").key, known), undefined);
  assert.equal(scopeOf("", known), undefined);
  assert(!one.entry.includes(one.key));
});

Deno.test("parseApiKeys() names a wrong entry by its place and does not show it", () => {
  const { key, entry } = newApiKey("run");
  assert.throws(() => parseApiKeys(`${entry},${key}`), (error: Error) => {
    assert.match(error.message, /NOREGRET_API_KEYS: entry 2 is wrong/);
    assert(!error.message.includes(key));
    return error instanceof RangeError;
  });
});

Deno.test("each scope includes those before it", () => {
  assert(allows("admin", "read") && allows("run", "read") && allows("run", "run"));
  assert(!allows("read", "run") && !allows("run", "admin"));
});
