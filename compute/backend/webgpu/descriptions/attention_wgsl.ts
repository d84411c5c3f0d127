// WGSL of attend(), the inner part of the attention kernels without workgroup memory: rows of queries or of keys
// stay in variables with names, as the sums of a product do (product_wgsl.ts), and for the same reason.

/** How attention is written out: rows an invocation owns, vectors of a head, and elements of a vector. */
export interface AttentionText {
  readonly rows: number;
  readonly dv: number;
  readonly vec: 2 | 4;
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** A line for each index, joined. */
const lines = (n: number, line: (i: number) => string) => range(n).map(line).join("\n");

/** Σ_d dot(a[d], b[d]). */
const dots = (dv: number, a: (d: number) => string, b: (d: number) => string) =>
  range(dv).map((d) => `dot(${a(d)}, ${b(d)})`).join(" + ");

const head = ({ rows, vec }: AttentionText) => `
alias Vec = vec${vec}f;
const ROWS = ${rows}u;`;

/** Loads `name`[d] of a token's head, past the last token the last one's. */
const load = (
  dv: number,
  name: string,
  array: string,
  token: string,
  heads: string,
  at: string,
) => `
let ${name}_at = (min(${token}, params.tokens - 1u) * ${heads} + ${at}) * ${dv}u;
${lines(dv, (d) => `let ${name}_${d} = ${array}[${name}_at + ${d}u];`)}`;

/** Keys that are read before the sums are scaled to a new maximum. */
const KEYS = 4;

/** attend() of attention_forward_rows.wgsl. */
export function forwardWgsl(text: AttentionText): string {
  const { rows, dv } = text;
  return `${head(text)}
fn attend(row0: u32, head: u32, kv_head: u32) {
${
    lines(rows, (i) =>
      `${load(dv, `q${i}`, "q", `row0 + ${i}u`, "params.heads", "head")}
let start${i} = start[min(row0 + ${i}u, params.tokens - 1u)];
var top${i} = LOWEST;
var total${i} = 0.0;
${lines(dv, (d) => `var o${i}_${d} = Vec();`)}`)
  }
let last = min(row0 + ROWS, params.tokens);
for (var key = start0; key < last; key += ${KEYS}u) {
${lines(KEYS, (j) => load(dv, `k${j}`, "k", `key + ${j}u`, "params.kv_heads", "kv_head"))}
${
    lines(rows, (i) =>
      lines(KEYS, (j) =>
        `let s${i}_${j} = select(LOWEST, params.scale * (${
          dots(dv, (d) =>
            `q${i}_${d}`, (d) =>
            `k${j}_${d}`)
        }), key + ${j}u >= start${i} && key + ${j}u <= row0 + ${i}u);`) + `
let highest${i} = max(max(top${i}, max(s${i}_0, s${i}_1)), max(s${i}_2, s${i}_3));
let shrink${i} = exp(top${i} - highest${i});
top${i} = highest${i};
${
        lines(KEYS, (j) =>
          `let p${i}_${j} = select(0.0, exp(s${i}_${j} - highest${i}), s${i}_${j} > LOWEST);`)
      }
total${i} = total${i} * shrink${i} + ${
        range(KEYS).map((j) => `p${i}_${j}`).join(" + ")
      };`)
  }
${lines(KEYS, (j) => load(dv, `v${j}`, "v", `key + ${j}u`, "params.kv_heads", "kv_head"))}
${
    lines(rows, (i) =>
      lines(dv, (d) =>
        `o${i}_${d} = o${i}_${d} * shrink${i} + ${
          range(KEYS).map((j) =>
            `p${i}_${j} * v${j}_${d}`
          ).join(" + ")
        };`))
  }
}
${
    lines(rows, (i) =>
      `if (row0 + ${i}u < params.tokens) {
let at = (row0 + ${i}u) * params.heads + head;
${lines(dv, (d) => `o[at * ${dv}u + ${d}u] = o${i}_${d} / total${i};`)}
stats[at * 2u] = top${i} + log(total${i});
stats[at * 2u + 1u] = 0.0;
}`)
  }
}`;
}

/** attend() of attention_backward_query_rows.wgsl. */
export function backwardQueryWgsl(text: AttentionText): string {
  const { rows, dv } = text;
  return `${head(text)}
fn attend(row0: u32, head: u32, kv_head: u32) {
${
    lines(rows, (i) =>
      `${load(dv, `q${i}`, "q", `row0 + ${i}u`, "params.heads", "head")}
${lines(dv, (d) => `let g${i}_${d} = dO[q${i}_at + ${d}u];`)}
let start${i} = start[min(row0 + ${i}u, params.tokens - 1u)];
let lse${i} = stats[q${i}_at / ${dv}u * 2u];
let delta${i} = stats[q${i}_at / ${dv}u * 2u + 1u];
${lines(dv, (d) => `var sum${i}_${d} = Vec();`)}`)
  }
let last = min(row0 + ROWS, params.tokens);
for (var key = start0; key < last; key++) {
${load(dv, "k", "k", "key", "params.kv_heads", "kv_head")}
${lines(dv, (d) => `let v_${d} = v[k_at + ${d}u];`)}
${
    lines(rows, (i) =>
      `let p${i} = exp(params.scale * (${
        dots(dv, (d) =>
          `q${i}_${d}`, (d) => `k_${d}`)
      }) - lse${i});
let s${i} = select(0.0, p${i} * (${
        dots(dv, (d) => `g${i}_${d}`, (d) => `v_${d}`)
      } - delta${i}), key >= start${i} && key <= row0 + ${i}u);
${lines(dv, (d) => `sum${i}_${d} += s${i} * k_${d};`)}`)
  }
}
${
    lines(rows, (i) =>
      `if (row0 + ${i}u < params.tokens) {
${lines(dv, (d) => `dQ[q${i}_at + ${d}u] = params.scale * sum${i}_${d};`)}
}`)
  }
}`;
}

/** attend() of attention_backward_key_rows.wgsl. */
export function backwardKeyWgsl(text: AttentionText): string {
  const { rows, dv } = text;
  return `${head(text)}
fn attend(row0: u32, kv_head: u32, first: u32, last: u32) {
${
    lines(rows, (i) =>
      `${load(dv, `k${i}`, "k", `row0 + ${i}u`, "params.kv_heads", "kv_head")}
${lines(dv, (d) => `let v${i}_${d} = v[k${i}_at + ${d}u];`)}
let end${i} = end[min(row0 + ${i}u, params.tokens - 1u)];
${lines(dv, (d) => `var dk${i}_${d} = Vec();\nvar dv${i}_${d} = Vec();`)}`)
  }
for (var head = first; head < last; head++) {
for (var token = row0; token < end${rows - 1}; token++) {
${load(dv, "q", "q", "token", "params.heads", "head")}
${lines(dv, (d) => `let g_${d} = dO[q_at + ${d}u];`)}
let lse = stats[q_at / ${dv}u * 2u];
let delta = stats[q_at / ${dv}u * 2u + 1u];
${
    lines(rows, (i) =>
      `let seen${i} = token >= row0 + ${i}u && token < end${i};
let p${i} = select(0.0, exp(params.scale * (${
        dots(dv, (d) => `q_${d}`, (d) => `k${i}_${d}`)
      }) - lse), seen${i});
let s${i} = p${i} * (${dots(dv, (d) => `g_${d}`, (d) => `v${i}_${d}`)} - delta);
${lines(dv, (d) => `dv${i}_${d} += p${i} * g_${d};\ndk${i}_${d} += s${i} * q_${d};`)}`)
  }
}
}
${
    lines(rows, (i) =>
      `if (row0 + ${i}u < params.tokens) {
${
        lines(dv, (d) =>
          `dK[k${i}_at + ${d}u] = params.scale * dk${i}_${d};\ndV[k${i}_at + ${d}u] = dv${i}_${d};`)
      }
}`)
  }
}`;
}
