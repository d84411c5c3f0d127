// Matrix products of TensorFlow.js' wasm backend (XNNPACK), one thread, as one JSON line a size:
// deno run -A bench/peers/tfjs_wasm_gemm.ts [N…]

import * as tf from "npm:@tensorflow/tfjs-core@4.22.0";
import { setThreadsCount } from "npm:@tensorflow/tfjs-backend-wasm@4.22.0";
import { sizes, timeProducts } from "./time_products.ts";

setThreadsCount(1);
await tf.setBackend("wasm");
await tf.ready();
for (const n of sizes(384)) {
  const a = tf.randomUniform([n, n]), b = tf.randomUniform([n, n]);
  // Products are there when the call returns.
  await timeProducts(n, (calls) => {
    for (let i = 0; i < calls; i++) tf.matMul(a, b).dispose();
    return Promise.resolve();
  });
  a.dispose();
  b.dispose();
}
