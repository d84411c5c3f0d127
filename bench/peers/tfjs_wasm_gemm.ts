// Matrix products of TensorFlow.js' wasm backend (XNNPACK), one thread, as one JSON line:
// deno run -A bench/peers/tfjs_wasm_gemm.ts [N…]

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { setThreadsCount } from "npm:@tensorflow/tfjs-backend-wasm@4.22.0";

const SECONDS = 1;

setThreadsCount(1);
await tf.setBackend("wasm");
await tf.ready();
const sizes = Deno.args.length > 0 ? Deno.args.map(Number) : [384];
for (const n of sizes) {
  const a = tf.randomUniform([n, n]), b = tf.randomUniform([n, n]);
  const times: number[] = [];
  const until = performance.now() + 1000 * SECONDS;
  while (performance.now() < until) {
    const started = performance.now();
    const y = tf.matMul(a, b);
    times.push(performance.now() - started);
    y.dispose();
  }
  const ms = times.sort((x, y) => x - y)[times.length >> 1]!;
  console.log(JSON.stringify({ size: n, gflops: 2 * n ** 3 / ms / 1e6 }));
}
