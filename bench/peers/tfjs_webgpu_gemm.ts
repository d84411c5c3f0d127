// Matrix products of TensorFlow.js on WebGPU, several in a row and waited for once, as one JSON line a size:
// deno run -A bench/peers/tfjs_webgpu_gemm.ts [N…]

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import "npm:@tensorflow/tfjs-backend-webgpu@4.22.0";

const SAMPLES = 5;

await tf.setBackend("webgpu");
await tf.ready();
if (tf.getBackend() !== "webgpu") {
  console.error("Cannot bench TensorFlow.js: it has no WebGPU adapter");
  Deno.exit(2);
}
for (const n of Deno.args.length > 0 ? Deno.args.map(Number) : [512]) {
  const a = tf.randomUniform([n, n]), b = tf.randomUniform([n, n]);
  const run = async (calls: number): Promise<number> => {
    const started = performance.now();
    for (let i = 1; i < calls; i++) tf.matMul(a, b).dispose();
    const y = tf.matMul(a, b), corner = tf.slice(y, [0, 0], [1, 1]);
    await corner.data();
    y.dispose();
    corner.dispose();
    return (performance.now() - started) / calls;
  };
  await run(1);
  const calls = Math.max(1, Math.ceil(250 / await run(1)));
  const times: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) times.push(await run(calls));
  const ms = times.sort((x, y) => x - y)[times.length >> 1]!;
  console.log(JSON.stringify({ size: n, ms, gflops: 2 * n ** 3 / ms / 1e6 }));
  a.dispose();
  b.dispose();
}
Deno.exit();
