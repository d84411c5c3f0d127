// Attention's backward pass is cut by sequences or by blocks, as the threads need it, to the same bits.

import { createCpuBackend } from "../../../compute/backend/cpu/cpu_backend.ts";
import { assertSameBits } from "../../support/allclose.ts";
import { normals } from "../../support/random.ts";
import { blank, f32, runKernel, u32 } from "../../support/run_kernel.ts";
import { sequences } from "../../support/reference/attention.ts";

// [heads, kv_heads, head_dim, lengths]: with more keys than a tile has, and fewer heads than threads.
const SIZES = [
  [2, 1, 16, [601]],
  [4, 2, 12, [100, 1, 530]],
  [1, 1, 256, [150]],
] as const;

async function gradients(threads: number, size: typeof SIZES[number]) {
  const [heads, kvHeads, dim, lengths] = size;
  const { start, end } = sequences(lengths), tokens = start.length;
  const q = f32([tokens, heads * dim], normals(1, tokens * heads * dim));
  const k = f32([tokens, kvHeads * dim], normals(2, tokens * kvHeads * dim));
  const v = f32([tokens, kvHeads * dim], normals(3, tokens * kvHeads * dim));
  const params = { tokens, heads, kv_heads: kvHeads, head_dim: dim, scale: dim ** -0.5 };
  const backend = await createCpuBackend({ threads });
  try {
    const o = blank(q.shape), stats = blank([tokens, heads, 2]);
    const starts = u32([tokens], start);
    const forward = await runKernel(backend, "attention_forward", {
      q,
      k,
      v,
      start: starts,
      o,
      stats,
    }, params);
    return await runKernel(backend, "attention_backward", {
      q,
      k,
      v,
      o: f32(o.shape, forward.o),
      start: starts,
      end: u32([tokens], end),
      dO: f32(q.shape, normals(4, tokens * heads * dim)),
      stats: f32(stats.shape, forward.stats),
      dQ: blank(q.shape),
      dK: blank(k.shape),
      dV: blank(v.shape),
    }, params);
  } finally {
    backend.close();
  }
}

for (const size of SIZES) {
  const [heads, kvHeads, dim, lengths] = size;
  Deno.test({
    name: `attentionBackward() gives the same bits on 1, 2 and 7 threads ` +
      `(${heads}/${kvHeads} heads of ${dim}, sequences ${lengths})`,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const one = await gradients(1, size);
      for (const threads of [2, 7]) {
        const many = await gradients(threads, size);
        for (const name of ["dQ", "dK", "dV", "stats"] as const) {
          const shape = [one[name].length];
          assertSameBits(many[name] as Float32Array, one[name] as Float32Array, {
            name: `${name} on ${threads} threads`,
            shape,
          });
        }
      }
    },
  });
}
