import { forEachBackend } from "../../support/backends.ts";
import { assertAllclose } from "../../support/allclose.ts";
import { lossAfter, numericGradient, upstream } from "../../support/gradcheck.ts";
import { normals } from "../../support/random.ts";
import { blank, f32, runKernel, values } from "../../support/run_kernel.ts";
import { swigluBackward, swigluForward } from "../../support/reference/swiglu.ts";

const LENGTHS = [1, 7, 41, 123, 257, 4099];

await forEachBackend(({ test }) => {
  test("swigluForward() matches the f64 reference at odd lengths", async (backend) => {
    for (const n of LENGTHS) {
      const gate = f32([n], normals(1, n, 3)), up = f32([n], normals(2, n));
      const { y } = await runKernel(backend, "swiglu_forward", { gate, up, y: blank([n]) }, { n });
      assertAllclose(y, swigluForward(values(gate), values(up)), { name: "y", shape: [n] });
    }
  });

  test("swigluForward() and swigluBackward() stay finite for huge gates", async (backend) => {
    const gate = f32([4], [-200, -90, 90, 200]), up = f32([4], [1, -2, 3, -4]);
    const n = 4, shape = [n], dY = f32(shape, [1, 1, 1, 1]);
    const { y } = await runKernel(backend, "swiglu_forward", { gate, up, y: blank(shape) }, { n });
    assertAllclose(y, [0, 0, 270, -800], { name: "y", shape });
    const inputs = { gate, up, dY, dGate: blank(shape), dUp: blank(shape) };
    const { dGate, dUp } = await runKernel(backend, "swiglu_backward", inputs, { n });
    assertAllclose(dGate, [0, 0, 3, -4], { name: "dGate", shape });
    assertAllclose(dUp, [0, 0, 90, 200], { name: "dUp", shape });
  });

  test("swigluBackward() matches the f64 reference at odd lengths", async (backend) => {
    for (const n of LENGTHS) {
      const gate = f32([n], normals(3, n, 3)), up = f32([n], normals(4, n));
      const dY = f32([n], normals(5, n));
      const inputs = { gate, up, dY, dGate: blank([n]), dUp: blank([n]) };
      const actual = await runKernel(backend, "swiglu_backward", inputs, { n });
      const expected = swigluBackward(values(gate), values(up), values(dY));
      assertAllclose(actual.dGate, expected.dGate, { name: "dGate", shape: [n] });
      assertAllclose(actual.dUp, expected.dUp, { name: "dUp", shape: [n] });
    }
  });

  test("swigluBackward() matches finite differences mid-graph", async (backend) => {
    const n = 13, shape = [n];
    const gate = f32(shape, normals(6, n, 2)), up = f32(shape, normals(7, n));
    const dY = f32(shape, upstream(normals(8, n)));
    const inputs = { gate, up, dY, dGate: blank(shape), dUp: blank(shape) };
    const actual = await runKernel(backend, "swiglu_backward", inputs, { n });
    const G = values(gate), U = values(up);
    const byGate = numericGradient((g) => lossAfter(dY.data, swigluForward(g, U)), G);
    const byUp = numericGradient((u) => lossAfter(dY.data, swigluForward(G, u)), U);
    assertAllclose(actual.dGate, byGate, { name: "dGate", shape });
    assertAllclose(actual.dUp, byUp, { name: "dUp", shape });
  });
});
