import assert from "@std/assert";
import { VariantFiles } from "../../../runs/worker/variant_cache.ts";

Deno.test("choices are kept by device, and who was first stays right", async () => {
  const folder = await Deno.makeTempDir();
  const [one, other] = [new VariantFiles(folder), new VariantFiles(folder)];
  assert.equal((await one.load("gpu a")).size, 0);
  await one.save("gpu a", new Map([["gemm_nt f32 64x64x64", "direct"]]));
  const all = await other.save(
    "gpu a",
    new Map([["gemm_nt f32 64x64x64", "tiled"], ["gemm_nn f32 64x64x64", "tiled"]]),
  );
  const expected = { "gemm_nn f32 64x64x64": "tiled", "gemm_nt f32 64x64x64": "direct" };
  assert.deepEqual(Object.fromEntries(all), expected);
  assert.deepEqual(Object.fromEntries(await one.load("gpu a")), expected);
  assert.equal((await one.load("gpu b")).size, 0);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a damaged file of choices counts as none and is replaced", async () => {
  const folder = await Deno.makeTempDir();
  const files = new VariantFiles(folder);
  await files.save("gpu", new Map([["a", "x"]]));
  const [file] = [...Deno.readDirSync(folder)];
  for (const text of ['{"device": "gp', '{"device": "gpu", "variants": {"a": 1}}']) {
    await Deno.writeTextFile(`${folder}/${file!.name}`, text);
    assert.equal((await files.load("gpu")).size, 0);
  }
  await files.save("gpu", new Map([["a", "y"]]));
  assert.deepEqual([...await files.load("gpu")], [["a", "y"]]);
  await Deno.remove(folder, { recursive: true });
});
