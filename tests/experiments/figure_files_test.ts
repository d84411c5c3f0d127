import assert from "@std/assert";
import { join } from "@std/path";
import {
  readFigureFile,
  removeFigureFile,
  shareFigureFiles,
  writeFigureFile,
} from "../../experiments/figure_files.ts";
import { s3Artifacts } from "../../runs/artifacts/s3_artifacts.ts";
import { S3Bucket } from "../../runs/artifacts/s3_bucket.ts";
import type { Places } from "../../runs/places.ts";
import { makeTinyHome } from "../runs/tiny_home.ts";
import { noS3, startS3 } from "../support/s3.ts";

async function holds(one: Places, other: Places): Promise<void> {
  assert.equal(await readFigureFile("fig1.request.json", one), undefined);
  await writeFigureFile("fig1.request.json", "1", one);
  await writeFigureFile("fig1.request.json", "2", one);
  assert.equal(await readFigureFile("fig1.request.json", other), "2");
  await removeFigureFile("fig1.request.json", other);
  assert.equal(await readFigureFile("fig1.request.json", one), undefined);
  const drawn = join(one.paths.figures, "fig1.json");
  await Deno.writeTextFile(drawn, "drawn");
  await shareFigureFiles([drawn], one);
  assert.equal(await readFigureFile("fig1.json", other), "drawn");
}

Deno.test("what was asked and drawn of a figure lies in the data folder", async () => {
  await using tiny = await makeTinyHome();
  await holds(tiny, tiny);
});

const NAME = "a host knows what was asked and drawn of a figure at another";

Deno.test({
  name: noS3 ? `s3: skipped, ${noS3}: ${NAME}` : `s3: ${NAME}`,
  ignore: noS3 !== undefined,
  async fn() {
    await using server = await startS3();
    await using one = await makeTinyHome();
    await using other = await makeTinyHome();
    const at = ({ home, paths }: typeof one): Places => ({
      paths,
      artifacts: s3Artifacts(new S3Bucket(server.location, 5000), home),
    });
    await holds(at(one), at(other));
  },
});
