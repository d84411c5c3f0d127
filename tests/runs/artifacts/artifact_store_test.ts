// One contract, held on the local disk and on an S3-compatible server; and what only a store that others
// write to can do wrong.

import assert from "@std/assert";
import { dirname, join } from "@std/path";
import { type ArtifactStore, ArtifactStoreError } from "../../../runs/artifacts/artifact_store.ts";
import { localArtifacts } from "../../../runs/artifacts/local_artifacts.ts";
import { s3Artifacts } from "../../../runs/artifacts/s3_artifacts.ts";
import { S3Bucket } from "../../../runs/artifacts/s3_bucket.ts";
import { exists } from "../../../runs/write_file.ts";
import { noS3, type S3Server, startS3 } from "../../support/s3.ts";

/** Small enough that a file of a few hundred bytes takes several objects. */
const PART_BYTES = 100;

const bytes = (text: string) => new TextEncoder().encode(text);
const FILES = new Map([["a.json", bytes("{}")], ["b.bin", bytes("0123456789".repeat(25))]]);

let server: S3Server | undefined;
if (noS3 === undefined) {
  Deno.test.beforeAll(async () => void (server = await startS3()));
  Deno.test.afterAll(async () => await server![Symbol.asyncDispose]());
}

interface S3Test {
  readonly artifacts: ArtifactStore;
  readonly home: string;
  readonly server: S3Server;
  /** The same store from a host of its own. */
  elsewhere(): ArtifactStore;
}

function testS3(name: string, test: (one: S3Test) => Promise<void>): void {
  Deno.test({
    name: noS3 ? `s3: skipped, ${noS3}: ${name}` : `s3: ${name}`,
    ignore: noS3 !== undefined,
    async fn() {
      const home = await Deno.makeTempDir({ prefix: "noregret-" });
      const location = { ...server!.location, prefix: `${crypto.randomUUID()}/` };
      const open = (folder: string) =>
        s3Artifacts(new S3Bucket(location, 30_000, 7), folder, PART_BYTES);
      const folder = join(dirname(dirname(server!.folder)), location.prefix);
      try {
        await test({
          artifacts: open(home),
          home,
          server: { ...server!, folder },
          elsewhere: () => open(join(home, "elsewhere")),
        });
      } finally {
        await Deno.remove(home, { recursive: true });
      }
    },
  });
}

function testStores(name: string, test: (artifacts: ArtifactStore) => Promise<void>): void {
  Deno.test(`local: ${name}`, async () => {
    const home = await Deno.makeTempDir({ prefix: "noregret-" });
    try {
      await test(localArtifacts(home));
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  });
  testS3(name, ({ artifacts }) => test(artifacts));
}

async function textOf(artifacts: ArtifactStore, name: string, file: string): Promise<string> {
  return await new Response(await artifacts.read(name, file)).text();
}

testStores("what is put is listed, read and opened, byte for byte", async (artifacts) => {
  await artifacts.check();
  assert.deepEqual(await artifacts.list("checkpoints/r"), []);
  assert.equal(await artifacts.files("checkpoints/r/step-1"), undefined);
  assert.equal(await artifacts.open("checkpoints/r/step-1"), undefined);
  await artifacts.put("checkpoints/r/step-2", FILES);
  await artifacts.put("checkpoints/r/step-1", new Map([["empty", bytes("")]]));
  await artifacts.put("checkpoints/other/step-1", FILES);
  const found = await artifacts.list("checkpoints/r");
  assert.deepEqual(found.map(({ name, bytes }) => [name, bytes]), [["step-1", 0], ["step-2", 252]]);
  assert(Math.abs(found[0]!.created.getTime() - Date.now()) < 60_000);
  const files = await artifacts.files("checkpoints/r/step-2");
  assert.deepEqual(new Map(files), new Map([["a.json", 2], ["b.bin", 250]]));
  assert.equal(await textOf(artifacts, "checkpoints/r/step-2", "b.bin"), "0123456789".repeat(25));
  assert.equal(await textOf(artifacts, "checkpoints/r/step-1", "empty"), "");
  await assert.rejects(artifacts.read("checkpoints/r/step-2", "c"), Deno.errors.NotFound);
  await using folder = await artifacts.open("checkpoints/r/step-2");
  for (const [name, data] of FILES) {
    assert.deepEqual(await Deno.readFile(join(folder!.path, name)), data);
  }
});

testStores(
  "a folder that holds anything else is replaced, and can be removed",
  async (artifacts) => {
    await artifacts.put("adapters/x", new Map([["other", bytes("other")]]));
    await artifacts.put("adapters/x", FILES);
    await artifacts.put("adapters/x", FILES);
    assert.deepEqual([...(await artifacts.files("adapters/x"))!.keys()].sort(), [
      "a.json",
      "b.bin",
    ]);
    await artifacts.remove("adapters/x");
    await artifacts.remove("adapters/x");
    assert.equal(await artifacts.files("adapters/x"), undefined);
    assert.deepEqual(await artifacts.list("adapters"), []);
    await artifacts.put("adapters/x", new Map([["other", bytes("other")]]));
    assert.equal(await textOf(artifacts, "adapters/x", "other"), "other");
  },
);

testStores("adopt() takes in what lies on this disk, also when two bring it", async (artifacts) => {
  const folders = await Promise.all([0, 1].map(async () => {
    const folder = await Deno.makeTempDir({ prefix: "noregret-" });
    for (const [name, data] of FILES) await Deno.writeFile(join(folder, name), data);
    return folder;
  }));
  await Promise.all(folders.map((folder) => artifacts.adopt("adapters/org/name", folder)));
  assert.equal(await textOf(artifacts, "adapters/org/name", "b.bin"), "0123456789".repeat(25));
  for (const folder of folders) await Deno.remove(folder, { recursive: true }).catch(() => {});
});

testS3("another host gets a copy, and drops it when it is done", async ({ artifacts, ...s3 }) => {
  await artifacts.put("checkpoints/r/step-1", FILES);
  const elsewhere = s3.elsewhere();
  const folder = (await elsewhere.open("checkpoints/r/step-1"))!;
  assert.deepEqual(await Deno.readFile(join(folder.path, "b.bin")), FILES.get("b.bin"));
  assert(folder.path.startsWith(join(s3.home, "elsewhere")));
  await folder[Symbol.asyncDispose]();
  assert(!(await exists(folder.path)));
});

testS3("an upload that ended in the middle is never seen", async ({ artifacts, server, home }) => {
  await artifacts.put("checkpoints/r/step-1", FILES);
  const stops = new S3Bucket({ ...server.location, prefix: `${folderOf(server)}/` }, 0);
  // Everything arrives but the last object, which makes it a folder.
  stops.put = (key, ...rest) =>
    key.endsWith("/manifest.json")
      ? Promise.reject(new ArtifactStoreError("The host is gone"))
      : S3Bucket.prototype.put.call(stops, key, ...rest);
  const other = s3Artifacts(stops, home, PART_BYTES);
  await assert.rejects(other.put("checkpoints/r/step-2", FILES), ArtifactStoreError);
  assert.deepEqual((await artifacts.list("checkpoints/r")).map(({ name }) => name), ["step-1"]);
  assert.equal(await artifacts.files("checkpoints/r/step-2"), undefined);
  assert.equal(await artifacts.open("checkpoints/r/step-2"), undefined);
  await artifacts.tidy("checkpoints/r/step-");
  assert.deepEqual(await new S3Bucket(stops.location, 0).list("checkpoints/r/step-2"), []);
  assert.deepEqual((await artifacts.list("checkpoints/r")).map(({ name }) => name), ["step-1"]);
  // A second upload shares nothing with the first, and removing takes both away.
  await artifacts.put("checkpoints/r/step-2", FILES);
  assert.equal(await textOf(artifacts, "checkpoints/r/step-2", "b.bin"), "0123456789".repeat(25));
  await artifacts.remove("checkpoints/r/step-2");
  const left = await new S3Bucket(stops.location, 0).list("checkpoints/r/step-2");
  assert.deepEqual(left, []);
});

testS3("a damaged object is found by its checksum", async ({ artifacts, server, elsewhere }) => {
  await artifacts.put("checkpoints/r/step-1", FILES);
  const folder = join(server.folder, "checkpoints/r/step-1");
  const upload = [...Deno.readDirSync(folder)].find(({ isDirectory }) => isDirectory)!.name;
  const object = join(folder, upload, "b.bin.part-00002");
  const data = await Deno.readFile(object);
  data[50]! ^= 1;
  await Deno.writeFile(object, data);
  await assert.rejects(elsewhere().open("checkpoints/r/step-1"), {
    name: "SyntaxError",
    message: /b\.bin\.part-00002: its checksum/,
  });
  await assert.rejects(textOf(artifacts, "checkpoints/r/step-1", "b.bin"), /checksum/);
  assert.equal(await textOf(artifacts, "checkpoints/r/step-1", "a.json"), "{}");
  await Deno.writeTextFile(join(folder, "manifest.json"), "{");
  assert.deepEqual(await artifacts.list("checkpoints/r"), []);
});

testS3("a listing of more than a page is whole", async ({ artifacts }) => {
  const file = new Map([["f", bytes("f")]]);
  const names = Array.from({ length: 12 }, (_, i) => `step-${String(i).padStart(3, "0")}`);
  for (const name of names) await artifacts.put(`checkpoints/r/${name}`, file);
  assert.deepEqual((await artifacts.list("checkpoints/r")).map(({ name }) => name), names);
});

testS3("a store that is away for a moment is asked again", async ({ artifacts, server }) => {
  await server.stop();
  const putting = artifacts.put("adapters/x", FILES);
  await new Promise((resolve) => setTimeout(resolve, 400));
  await server.restart();
  await putting;
  assert.equal(await textOf(artifacts, "adapters/x", "a.json"), "{}");
});

testS3("what is wrong with a store is said, without its keys", async ({ server, home }) => {
  const { location } = server;
  const wrong = [
    [{ secretAccessKey: "wrong-secret-key" }, /answered 403 SignatureDoesNotMatch/],
    [{ accessKeyId: "unknown-key" }, /answered 403 InvalidAccessKeyId/],
    [{ bucket: "elsewhere" }, /bucket "elsewhere" .* answered 404 NoSuchBucket/],
    [{ endpoint: "http://127.0.0.1:9" }, /at http:\/\/127\.0\.0\.1:9: /],
  ] as const;
  for (const [changes, message] of wrong) {
    const artifacts = s3Artifacts(new S3Bucket({ ...location, ...changes }, 0), home);
    await assert.rejects(artifacts.check(), (error: Error) => {
      assert(error instanceof ArtifactStoreError);
      assert.match(error.message, message);
      for (const secret of ["wrong-secret-key", location.secretAccessKey]) {
        assert(!error.message.includes(secret));
      }
      return true;
    });
  }
});

function folderOf({ folder }: S3Server): string {
  return folder.split("/").at(-2)!;
}
