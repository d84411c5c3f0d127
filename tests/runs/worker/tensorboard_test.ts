import assert from "@std/assert";
import { join } from "@std/path";
import { crc32c, EventFile } from "../../../runs/worker/tensorboard.ts";

Deno.test("crc32c() gives the check value of its definition", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
});

Deno.test("an event file is a list of records whose checksums hold", async () => {
  const folder = await Deno.makeTempDir({ prefix: "noregret-" });
  try {
    {
      using file = await EventFile.create(join(folder, "run"), 0);
      await file.add([{ step: 1, train_nll: 2.5 }, { step: 300, train_nll: 1.25, eval_nll: 1.5 }]);
    }
    const [{ name }] = [...Deno.readDirSync(join(folder, "run"))] as [Deno.DirEntry];
    assert.match(name, /^events\.out\.tfevents\.\d{10}\./);
    const all = await Deno.readFile(join(folder, "run", name));
    const view = new DataView(all.buffer);
    const unmask = (crc: number) => {
      const rotated = (crc - 0xa282ead8) >>> 0;
      return (rotated << 15 | rotated >>> 17) >>> 0;
    };
    let records = 0;
    for (let at = 0; at < all.length; records++) {
      const length = Number(view.getBigUint64(at, true));
      assert.equal(unmask(view.getUint32(at + 8, true)), crc32c(all.subarray(at, at + 8)));
      const data = all.subarray(at + 12, at + 12 + length);
      assert.equal(unmask(view.getUint32(at + 12 + length, true)), crc32c(data));
      at += length + 16;
    }
    assert.equal(records, 4);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
