// The router of a mixture of experts: each token goes to the k experts with the largest probability
// (Shazeer et al. 2017; Qwen3's norm_topk_prob divides by their sum). logits [N, E]. The choice
// itself has no gradient; its weights have.

import type { Backend, Tensor } from "../backend/backend.ts";

/** How a router chooses. */
export interface RouteShape {
  /** Experts for each token. */
  readonly perToken: number;
  /** Whether the chosen experts' weights sum to 1. */
  readonly normalize: boolean;
}

/** Where each token goes. Slot n·k + j is token n's j-th choice. */
export interface Routing {
  /** u32[N, k]: the chosen experts, largest weight first. */
  readonly experts: Tensor;
  /** [N, k]: their weights. */
  readonly scale: Tensor;
}

/** Slots sorted by expert. */
export interface RowGroups {
  /** u32[N·k]: the slot of a row. */
  readonly order: Tensor;
  /** u32[N·k]: the row of a slot. */
  readonly place: Tensor;
  /** u32[E + 1]: an expert's first row, and one past the last row. */
  readonly offsets: Tensor;
  readonly perToken: number;
}

/** Chooses experts. */
export function routeForward(
  backend: Backend,
  logits: Tensor,
  { perToken: k, normalize }: RouteShape,
): Routing {
  const [rows, cols] = logits.shape as [number, number];
  const experts = backend.empty([rows, k], "u32", "route.experts");
  const scale = backend.empty([rows, k], "f32", "route.scale");
  backend.run("route", { logits, experts, scale }, {
    rows,
    cols,
    k,
    normalize: normalize ? 1 : 0,
  });
  return { experts, scale };
}

/** Fills dLogits for the choice that was made. */
export function routeBackward(
  backend: Backend,
  logits: Tensor,
  { experts, scale }: Routing,
  dScale: Tensor,
  dLogits: Tensor,
  { perToken: k, normalize }: RouteShape,
): void {
  const [rows, cols] = logits.shape as [number, number];
  backend.run("route_backward", { logits, experts, scale, dScale, dLogits }, {
    rows,
    cols,
    k,
    normalize: normalize ? 1 : 0,
  });
}

/** Sorts slots by expert, on the device: nothing is read back. */
export function groupRows(backend: Backend, { experts }: Routing, groups: number): RowGroups {
  const [rows, perToken] = experts.shape as [number, number];
  const slots = rows * perToken;
  const u32 = (length: number, label: string) => backend.empty([length], "u32", `rows.${label}`);
  const order = u32(slots, "order"), place = u32(slots, "place");
  const offsets = u32(groups + 1, "offsets");
  backend.run("group_rows", { experts, order, place, offsets }, { slots, groups });
  return { order, place, offsets, perToken };
}
