// Faults of the world are told from those of a run, by errors that real things throw.

import assert from "@std/assert";
import { DatabaseSync } from "node:sqlite";
// @ts-types="@types/pg"
import pg from "pg";
import { isFull, isUnreachable } from "../../runs/faults.ts";

async function errorOf(body: () => unknown): Promise<unknown> {
  try {
    await body();
  } catch (error) {
    return error;
  }
  throw new Error("Nothing was thrown");
}

Deno.test("a full disk and a full database are full, another failure to write is not", async () => {
  if (Deno.build.os === "linux") {
    assert(isFull(await errorOf(() => Deno.writeTextFile("/dev/full", "text"))));
  }
  assert(!isFull(await errorOf(() => Deno.writeTextFile("/no/such/folder", "text"))));
  using database = new DatabaseSync(":memory:");
  database.exec("PRAGMA max_page_count = 2; CREATE TABLE a (b)");
  const full = await errorOf(() => database.exec("INSERT INTO a VALUES (zeroblob(100000))"));
  assert(isFull(full), String(full));
  assert(!isUnreachable(full));
  assert(!isFull(await errorOf(() => database.exec("SELECT nothing"))));
});

Deno.test("a database that is locked or does not answer is unreachable, a wrong query is not", async () => {
  const path = await Deno.makeTempFile();
  {
    using first = new DatabaseSync(path);
    using second = new DatabaseSync(path);
    first.exec("CREATE TABLE a (b); BEGIN IMMEDIATE");
    const locked = await errorOf(() => second.exec("BEGIN IMMEDIATE"));
    assert(isUnreachable(locked), String(locked));
    assert(!isUnreachable(await errorOf(() => first.exec("SELECT nothing"))));
  }
  await Deno.remove(path);

  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const connect = async (port: number) => {
    const client = new pg.Client({ host: "127.0.0.1", port, user: "nobody" });
    await client.connect();
  };
  void listener.accept().then((connection) => connection.close());
  assert(isUnreachable(await errorOf(() => connect(port))));
  listener.close();
  assert(isUnreachable(await errorOf(() => connect(port))));
});
