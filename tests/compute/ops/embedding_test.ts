import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose, assertSameBits } from "../../support/allclose.ts";
import { lossAfter, numericGradient, upstream } from "../../support/gradcheck.ts";
import { integers, normals } from "../../support/random.ts";
import { bf16, blank, f32, runKernel, u32, values } from "../../support/run_kernel.ts";
import { embeddingBackward, embeddingForward } from "../../support/reference/embedding.ts";

// [rows, cols, vocab]; few words and many tokens, so that ids repeat
const SIZES = [[1, 1, 1], [7, 41, 5], [123, 7, 3], [41, 64, 123], [129, 130, 17], [
  777,
  3,
  71,
]] as const;

await forEachBackend(({ test }) => {
  test("embeddingForward() copies the rows of the table", async (backend) => {
    for (const [rows, cols, vocab] of SIZES) {
      const ids = u32([rows], integers(1, rows, vocab));
      const table = f32([vocab, cols], normals(2, vocab * cols));
      const inputs = { ids, table, y: blank([rows, cols]) };
      const { y } = await runKernel(backend, "embedding_forward", inputs, { rows, cols, vocab });
      const expected = embeddingForward(integers(1, rows, vocab), values(table), cols);
      assertSameBits(y, Float32Array.from(expected), { name: "y", shape: [rows, cols] });
    }
  });

  test("embeddingForward() widens a bf16 table exactly", async (backend) => {
    for (const [rows, cols, vocab] of [[7, 2, 5], [41, 42, 9], [129, 130, 17]] as const) {
      const ids = u32([rows], integers(3, rows, vocab));
      const table = bf16([vocab, cols], normals(4, vocab * cols));
      const inputs = { ids, table, y: blank([rows, cols]) };
      const { y } = await runKernel(backend, "embedding_forward", inputs, { rows, cols, vocab });
      const expected = embeddingForward(integers(3, rows, vocab), values(table), cols);
      assertSameBits(y, Float32Array.from(expected), { name: "y", shape: [rows, cols] });
    }
  });

  test("embeddingBackward() adds to the rows of repeated ids and leaves the others", async (backend) => {
    for (const [rows, cols, vocab] of SIZES) {
      const ids = integers(5, rows, vocab);
      const dY = f32([rows, cols], normals(6, rows * cols));
      const into = f32([vocab, cols], normals(7, vocab * cols));
      const inputs = { ids: u32([rows], ids), dY, dTable: into };
      const { dTable } = await runKernel(backend, "embedding_backward", inputs, {
        rows,
        cols,
        vocab,
      });
      const expected = embeddingBackward(ids, values(dY), values(into), cols);
      assertAllclose(dTable, expected, { name: "dTable", shape: [vocab, cols] });
    }
  });

  test("embeddingBackward() matches finite differences mid-graph", async (backend) => {
    const [rows, cols, vocab] = [7, 5, 4];
    const ids = integers(8, rows, vocab);
    const dY = upstream(normals(9, rows * cols));
    const table = Float64Array.from(normals(10, vocab * cols));
    const inputs = {
      ids: u32([rows], ids),
      dY: f32([rows, cols], dY),
      dTable: f32([vocab, cols], new Float32Array(vocab * cols)),
    };
    const { dTable } = await runKernel(backend, "embedding_backward", inputs, {
      rows,
      cols,
      vocab,
    });
    const expected = numericGradient((t) => lossAfter(dY, embeddingForward(ids, t, cols)), table);
    assertAllclose(dTable, expected, { name: "dTable", shape: [vocab, cols] });
  });
});
